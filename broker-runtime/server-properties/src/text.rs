//! The syntax of Java's `.properties` text (`java.util.Properties.load`), read into keys and values with their lines.

use std::iter::Peekable;

/// One property as it was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Line on which it begins, from 1.
    pub line: usize,
    /// Key, escapes resolved.
    pub key: String,
    /// Value, escapes resolved.
    pub value: String,
}

/// Reads all entries; a malformed one is an error with its line.
pub fn entries(text: &str) -> Vec<Result<Entry, (usize, &'static str)>> {
    logical_lines(text)
        .into_iter()
        .map(|(line, text)| entry(line, &text).map_err(|message| (line, message)))
        .collect()
}

/// Joins continued lines, drops comments and blank lines.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let mut found = Vec::new();
    let mut lines = text.split('\n').zip(1..);
    while let Some((first, number)) = lines.next() {
        let first = first.trim_start_matches(is_blank);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut whole = first.to_owned();
        while is_continued(&whole) {
            whole.pop();
            match lines.next() {
                Some((next, _)) => whole.push_str(next.trim_start_matches(is_blank)),
                None => break,
            }
        }
        found.push((number, whole));
    }
    found
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

fn is_continued(line: &str) -> bool {
    line.chars().rev().take_while(|character| *character == '\\').count() % 2 == 1
}

fn entry(line: usize, text: &str) -> Result<Entry, &'static str> {
    let mut characters = text.chars().peekable();
    let key = take(&mut characters, |character| {
        is_blank(character) || matches!(character, '=' | ':')
    })?;
    skip_blanks(&mut characters);
    if characters.next_if(|character| matches!(character, '=' | ':')).is_some() {
        skip_blanks(&mut characters);
    }
    let value = take(&mut characters, |_| false)?;
    Ok(Entry { line, key, value })
}

fn skip_blanks(characters: &mut Peekable<impl Iterator<Item = char>>) {
    while characters.next_if(|character| is_blank(*character)).is_some() {}
}

/// Takes characters up to the first unescaped one for which `ends` holds.
fn take(
    characters: &mut Peekable<impl Iterator<Item = char>>,
    ends: impl Fn(char) -> bool,
) -> Result<String, &'static str> {
    let mut units: Vec<u16> = Vec::new();
    while let Some(character) = characters.next_if(|character| !ends(*character)) {
        let plain = match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    units.push(unicode_escape(characters)?);
                    continue;
                }
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units).map_err(|_| "a \\u escape is half of a surrogate pair")
}

fn unicode_escape(characters: &mut impl Iterator<Item = char>) -> Result<u16, &'static str> {
    let digits: String = characters.take(4).collect();
    let is_hex = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| is_hex);
    unit.ok_or("a \\u escape needs four hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(usize, String, String)> {
        let entry = |entry: Result<Entry, _>| entry.map(|entry| (entry.line, entry.key, entry.value));
        entries(text)
            .into_iter()
            .map(|found| entry(found).expect("well formed"))
            .collect()
    }

    fn owned(line: usize, key: &str, value: &str) -> (usize, String, String) {
        (line, key.to_owned(), value.to_owned())
    }

    #[test]
    fn comments_separators_and_line_ends_are_javas() {
        let text = "# c\n! c\r\n\r\na=1\rb : 2\n  c\t3\nd\ne==f\n:g\n";
        let expected = [
            owned(4, "a", "1"),
            owned(5, "b", "2"),
            owned(6, "c", "3"),
            owned(7, "d", ""),
            owned(8, "e", "=f"),
            owned(9, "", "g"),
        ];
        assert_eq!(pairs(text), expected);
    }

    #[test]
    fn lines_continue_after_an_odd_number_of_backslashes() {
        assert_eq!(
            pairs("a=1,\\\n   2,\\\n\t3\nb=\\\\\nc=4"),
            [owned(1, "a", "1,2,3"), owned(4, "b", "\\"), owned(5, "c", "4")]
        );
        assert_eq!(pairs("a=1\\"), [owned(1, "a", "1")]);
        assert_eq!(pairs("# not continued \\\na=1"), [owned(2, "a", "1")]);
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(
            pairs("a\\=b\\:c\\ d=\\u0041\\uD83D\\uDE00\\q\\t|"),
            [owned(1, "a=b:c d", "A\u{1f600}q\t|")]
        );
        assert_eq!(
            entries("x=1\ny=\\u00g0"),
            [
                Ok(Entry {
                    line: 1,
                    key: "x".to_owned(),
                    value: "1".to_owned()
                }),
                Err((2, "a \\u escape needs four hexadecimal digits")),
            ]
        );
        assert!(entries("y=\\uD800")[0].is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,200}") {
            entries(&text);
        }

        #[test]
        fn plain_pairs_come_back(pairs_in in proptest::collection::vec(("[a-z.]{1,20}", "[a-z0-9:=]{1,20}"), 0..20)) {
            let text: String = pairs_in.iter().map(|(key, value)| format!("{key} = a{value}\n")).collect();
            let read: Vec<_> = pairs(&text).into_iter().map(|(_, key, value)| (key, value)).collect();
            let expected: Vec<_> = pairs_in.into_iter().map(|(key, value)| (key, format!("a{value}"))).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
