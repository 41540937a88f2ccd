//! Metadata records, image, and the controller as a pure function.
