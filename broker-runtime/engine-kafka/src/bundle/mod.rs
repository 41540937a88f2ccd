//! The jars of a release of Apache Kafka as one archive, which hosts unpack. They come from an archive that a person has put
//! there, else from Maven Central with the client `mvn`; either way they are what the lock file of the release says.

mod archive;
mod bundles;
mod maven;

pub use archive::{create, verify};
pub(crate) use bundles::{Bundle, Bundles};
