//! One segment: a file of batches and its three indexes.

mod read;
mod recover;
mod segment;
mod walk;

pub(crate) use read::Location;
pub(crate) use segment::{Segment, SegmentPaths};
