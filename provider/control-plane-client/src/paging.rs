//! Lists that arrive in pages.

use serde::de::DeserializeOwned;

use crate::{
    error::Result,
    transport::{Call, Client},
};

/// Most pages a list is read in; more of them is a server that turns in circles.
const PAGES_MAX: usize = 10_000;

/// What a page holds, and the token of the next one.
pub(crate) type Page<Item> = (Vec<Item>, Option<String>);

/// An answer that is one page of a list.
pub(crate) trait Paged: DeserializeOwned {
    /// What the list is of.
    type Item;

    /// Its parts.
    fn into_page(self) -> Page<Self::Item>;
}

impl Client {
    /// The whole list; `call` makes the call for a page, without its token.
    pub(crate) async fn all_pages<Response: Paged>(
        &self,
        operation: &'static str,
        call: impl Fn() -> Call,
    ) -> Result<Vec<Response::Item>> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let response: Response = self.call(call().query("nextToken", token)).await?;
            let (items, next) = response.into_page();
            all.extend(items);
            token = next;
            if token.is_none() {
                return Ok(all);
            }
        }
        Err(self.malformed(operation, format!("the list has more than {PAGES_MAX} pages")))
    }
}
