//! Finding people ("UCWA reference, search").

use std::str::FromStr;

use thiserror::Error;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::{
    contacts::{Contact, ListedContact},
    details::Details,
};

/// The longest query, in characters.
const MAX_QUERY: usize = 256;
/// Fewer digits find no phone: too many have them.
const MIN_DIGITS: usize = 3;

/// What somebody looks for: words, each of which a person's name, address or e-mail address has to begin with, or a
/// phone number. Case and accents do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    text: String,
    words: Vec<String>,
    /// As they stand in a phone number, without what a country or a town adds in front.
    digits: Option<String>,
}

/// How many are found at most: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimit(u8);

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The people, by name.
    pub people: Vec<ListedContact>,
    /// There were more than were asked for.
    pub more: bool,
}

/// Why nothing is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidSearch {
    /// The query is empty or too long.
    #[error("a search has 1 to 256 characters")]
    Query,
    /// Too few or too many are wanted.
    #[error("a search finds 1 to 100 people")]
    Limit,
}

impl SearchQuery {
    /// What was asked for.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this person is meant.
    pub fn matches(&self, Contact { uri, display_name }: &Contact, details: &Details) -> bool {
        let name = fold(display_name.as_str());
        let whole = name.split_whitespace();
        let parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
        let addresses = [uri.to_string(), uri.address()];
        let emails: Vec<_> = details.emails.iter().map(|email| fold(email.as_str())).collect();
        let known: Vec<&str> =
            whole.chain(parts).chain(addresses.iter().chain(&emails).map(String::as_str)).collect();
        self.words.iter().all(|word| known.iter().any(|known| known.starts_with(word.as_str())))
            || self
                .digits
                .as_deref()
                .is_some_and(|digits| details.phones().any(|phone| phone.digits().contains(digits)))
    }
}

impl FromStr for SearchQuery {
    type Err = InvalidSearch;

    fn from_str(text: &str) -> Result<Self, InvalidSearch> {
        let text = text.trim();
        if !(1..=MAX_QUERY).contains(&text.chars().count()) {
            return Err(InvalidSearch::Query);
        }
        let words = fold(text).split_whitespace().map(str::to_owned).collect();
        Ok(Self { text: text.to_owned(), words, digits: digits(text) })
    }
}

impl SearchLimit {
    /// As many as can be asked for.
    pub const MAX: Self = Self(100);

    /// The number.
    pub fn get(self) -> usize {
        self.0.into()
    }
}

impl FromStr for SearchLimit {
    type Err = InvalidSearch;

    fn from_str(text: &str) -> Result<Self, InvalidSearch> {
        let limit = text.parse().ok().filter(|limit| (1..=100).contains(limit));
        limit.map(Self).ok_or(InvalidSearch::Limit)
    }
}

/// Lower case without accents; `ß` is `ss`.
fn fold(text: &str) -> String {
    let plain = text.nfkd().filter(|c| !is_combining_mark(*c));
    plain.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// `+49 30 12` and `030 12` are both looked for as `3012` would stand in a number.
fn digits(text: &str) -> Option<String> {
    if !text.chars().all(|c| c.is_ascii_digit() || " +()-./".contains(c)) {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    (digits.len() >= MIN_DIGITS).then(|| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(query: &str) -> bool {
        let contact = Contact {
            uri: "jl@office.test".parse().unwrap(),
            display_name: "José Müller-Lüdenscheidt".parse().unwrap(),
        };
        let details = Details {
            emails: vec!["Jose.Mueller@Mail.test".parse().unwrap()],
            work_phone: Some("+49 (30) 1234-56".parse().unwrap()),
            ..Details::default()
        };
        query.parse::<SearchQuery>().unwrap().matches(&contact, &details)
    }

    #[test]
    fn people_are_found_by_the_beginnings_of_their_words_whatever_the_case_and_accents() {
        for query in [
            "jose",
            "JOSÉ",
            "mul",
            "lude",
            "müller-lü",
            "mul jo",
            " jose  mul ",
            "jl",
            "sip:jl@",
            "jl@office.test",
            "jose.mueller@mail",
        ] {
            assert!(finds(query), "{query}");
        }
        for query in ["ose", "jose x", "office.test", "mueller", "jose.mueller@mail.test.x"] {
            assert!(!finds(query), "{query}");
        }
    }

    #[test]
    fn people_are_found_by_their_phones_however_they_are_written() {
        for query in ["+49 30 123456", "030 1234", "3456", "(030) 12.34"] {
            assert!(finds(query), "{query}");
        }
        for query in ["34", "999", "123457", "030 1234 x"] {
            assert!(!finds(query), "{query}");
        }
    }

    #[test]
    fn a_sharp_s_is_two() {
        let contact =
            Contact { uri: "g@office.test".parse().unwrap(), display_name: "Groß".parse().unwrap() };
        assert!("GROSS".parse::<SearchQuery>().unwrap().matches(&contact, &Details::default()));
    }

    #[test]
    fn queries_and_limits_are_bounded() {
        assert!(["", "  ", &"x".repeat(257)].iter().all(|bad| bad.parse::<SearchQuery>().is_err()));
        assert!(["0", "101", "-1", "x"].iter().all(|bad| bad.parse::<SearchLimit>().is_err()));
        assert_eq!("100".parse(), Ok(SearchLimit::MAX));
    }
}
