//! What requests are answered from.

use std::sync::Arc;

use super::{credentials::Credentials, paging::Pages};
use crate::services::Services;

/// What every request is answered from.
pub(super) struct Api {
    pub(super) services: Arc<Services>,
    pub(super) pages: Pages,
    pub(super) credentials: Credentials,
}
