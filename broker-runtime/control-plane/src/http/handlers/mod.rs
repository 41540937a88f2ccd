//! Operations of the API, by what they are about. Each takes the call apart, asks one operation or query, and writes the
//! answer in the shape of the model.

mod clusters;
mod configurations;
mod dispatch;
mod extensions;
mod of_cluster;
mod topics;
mod unavailable;
mod updates;
mod waiting;

pub(super) use dispatch::answer;
pub(super) use extensions::{answer as answer_extension, extension, is_join, join, unsigned};
