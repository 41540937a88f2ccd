//! What a provider can be reached over: a channel to a process, or a service in this one.

use tonic::{
    body::Body,
    client::GrpcService,
    codegen::{Body as HttpBody, Bytes, StdError},
};

/// Any gRPC service. Nobody has to implement it: everything that can be called is one.
pub trait Service:
    GrpcService<Body, Error = <Self as Service>::Failure, ResponseBody = <Self as Service>::Answer>
{
    /// Why a call fails.
    type Failure: Into<StdError>;
    /// What a call is answered with.
    type Answer: HttpBody<Data = Bytes, Error = Self::BodyFailure> + Send + 'static;
    /// Why an answer breaks off.
    type BodyFailure: Into<StdError> + Send;
}

impl<T, B> Service for T
where
    T: GrpcService<Body, ResponseBody = B>,
    T::Error: Into<StdError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<StdError> + Send,
{
    type Failure = T::Error;
    type Answer = B;
    type BodyFailure = B::Error;
}
