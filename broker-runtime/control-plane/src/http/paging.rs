//! Cuts lists into pages. A token names the last row of its page, under a message authentication code, so that rows may
//! come and go between pages and nobody can make a token up.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;

use super::request::Request;
use crate::error::OperationError;

/// Rows of a page when nobody says.
const ROWS_DEFAULT: usize = 100;
/// Rows of a page at most.
const ROWS_MAX: usize = 100;
/// Bytes of the code in a token.
const CODE_BYTES: usize = 32;

/// Makes and reads tokens.
pub(crate) struct Pages(hmac::Key);

impl Pages {
    /// Tokens of one runtime.
    pub(crate) fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, format!("pages:{secret}").as_bytes()))
    }

    /// The page that `request` asks for, of rows that are in the order of `position`, and the token of the next.
    pub(crate) fn cut<T>(
        &self,
        request: &Request,
        rows: Vec<T>,
        position: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), OperationError> {
        let rows_max = match request.parameter("maxResults") {
            None => ROWS_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|rows| (1..=ROWS_MAX).contains(rows))
                .ok_or_else(|| OperationError::invalid("maxResults", format!("maxResults is 1 to {ROWS_MAX}")))?,
        };
        let mut rows = rows;
        if let Some(token) = request.parameter("nextToken") {
            let after = self.read(request, token);
            let after = after.ok_or_else(|| OperationError::invalid("nextToken", "nextToken is not one of ours"))?;
            match rows.iter().position(|row| position(row) == after) {
                Some(index) => drop(rows.drain(..=index)),
                // The row has gone: go on behind where it was, if the order tells.
                None => rows.retain(|row| position(row) > after),
            }
        }
        let more = rows.len() > rows_max;
        rows.truncate(rows_max);
        let token = rows
            .last()
            .filter(|_| more)
            .map(|row| self.write(request, &position(row)));
        Ok((rows, token))
    }

    fn code(&self, request: &Request, position: &str) -> hmac::Tag {
        hmac::sign(&self.0, format!("{}\n{position}", request.raw_path).as_bytes())
    }

    fn write(&self, request: &Request, position: &str) -> String {
        URL_SAFE_NO_PAD.encode([self.code(request, position).as_ref(), position.as_bytes()].concat())
    }

    fn read(&self, request: &Request, token: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (code, position) = bytes.split_at_checked(CODE_BYTES)?;
        let position = std::str::from_utf8(position).ok()?;
        let text = format!("{}\n{position}", request.raw_path);
        hmac::verify(&self.0, text.as_bytes(), code).ok()?;
        Some(position.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;

    fn request(query: &str) -> Request {
        let uri = format!("http://h/v1/clusters?{query}").parse().unwrap();
        Request::new(Method::GET, &uri, HeaderMap::new(), Vec::new())
    }

    #[test]
    fn every_row_comes_once_and_tokens_cannot_be_made_up() {
        let pages = Pages::new("secret");
        let all: Vec<String> = (0..5).map(|number| format!("row-{number}")).collect();
        let mut seen = Vec::new();
        let mut query = "maxResults=2".to_owned();
        loop {
            let (rows, token) = pages.cut(&request(&query), all.clone(), Clone::clone).unwrap();
            seen.extend(rows);
            match token {
                Some(token) => query = format!("maxResults=2&nextToken={token}"),
                None => break,
            }
        }
        assert_eq!(seen, all);
        let strange = Pages::new("other").write(&request(""), "row-1");
        for query in [
            format!("nextToken={strange}"),
            "nextToken=x".to_owned(),
            "maxResults=0".to_owned(),
        ] {
            assert!(
                pages.cut(&request(&query), all.clone(), Clone::clone).is_err(),
                "{query}"
            );
        }
    }
}
