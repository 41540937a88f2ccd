//! Request, response and error types of the MSK REST API and our extensions.
