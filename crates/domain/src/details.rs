//! What an office says of its people beside their names.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// The most e-mail addresses of a person.
pub const MAX_EMAILS: usize = 8;

/// What is known of a person. Nothing of it has to be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Such as head of sales.
    pub title: Option<DetailText>,
    /// Where in the company.
    pub department: Option<DetailText>,
    /// Which company.
    pub company: Option<DetailText>,
    /// Where in the building.
    pub office: Option<DetailText>,
    /// E-mail addresses, at most [`MAX_EMAILS`], the first one first.
    pub emails: Vec<EmailAddress>,
    /// On the desk.
    pub work_phone: Option<PhoneNumber>,
    /// In the pocket.
    pub mobile_phone: Option<PhoneNumber>,
    /// At home.
    pub home_phone: Option<PhoneNumber>,
    /// Elsewhere.
    pub other_phone: Option<PhoneNumber>,
}

impl Details {
    /// All phone numbers.
    pub fn phones(&self) -> impl Iterator<Item = &PhoneNumber> {
        [&self.work_phone, &self.mobile_phone, &self.home_phone, &self.other_phone].into_iter().flatten()
    }
}

/// A line about a person: 1 to 100 characters, none of them a control character, no blanks at the ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetailText(String);

/// An e-mail address, looked at only as far as it is shown: one `@` with something on both sides, 254 bytes at most,
/// no blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress(String);

/// A phone number as people write it: 1 to 40 of digits, blanks and `+()-./`, at least one of them a digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneNumber(String);

/// The text can not be shown beside a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidDetail {
    /// Not a line.
    #[error("title, department, company and office have 1 to 100 characters and no control characters")]
    Text,
    /// Not an e-mail address.
    #[error("`{0}` is not an e-mail address")]
    Email(String),
    /// Not a phone number.
    #[error("`{0}` is not a phone number: it has digits, blanks and `+()-./`")]
    Phone(String),
}

macro_rules! shown {
    ($name:ident) => {
        impl $name {
            /// The text as it is shown.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

shown!(DetailText);
shown!(EmailAddress);
shown!(PhoneNumber);

impl FromStr for DetailText {
    type Err = InvalidDetail;

    fn from_str(text: &str) -> Result<Self, InvalidDetail> {
        let text = text.trim();
        let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidDetail::Text) }
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidDetail;

    fn from_str(text: &str) -> Result<Self, InvalidDetail> {
        let text = text.trim();
        let parts: Vec<_> = text.split('@').collect();
        let is_one = matches!(parts.as_slice(), [user, domain] if !user.is_empty() && !domain.is_empty());
        let fits = text.len() <= 254 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        let shown = || text.chars().take(64).collect();
        if is_one && fits { Ok(Self(text.to_owned())) } else { Err(InvalidDetail::Email(shown())) }
    }
}

impl PhoneNumber {
    /// The digits alone.
    pub fn digits(&self) -> String {
        self.0.chars().filter(char::is_ascii_digit).collect()
    }
}

impl FromStr for PhoneNumber {
    type Err = InvalidDetail;

    fn from_str(text: &str) -> Result<Self, InvalidDetail> {
        let text = text.trim();
        let known = |c: char| c.is_ascii_digit() || " +()-./".contains(c);
        let fits = text.len() <= 40 && text.chars().all(known) && text.chars().any(|c| c.is_ascii_digit());
        let shown = || text.chars().take(64).collect();
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidDetail::Phone(shown())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_bounded() {
        assert_eq!(" Head of sales ".parse::<DetailText>().unwrap().as_str(), "Head of sales");
        assert!(["", "a\nb", &"x".repeat(101)].iter().all(|bad| bad.parse::<DetailText>().is_err()));
        assert!("anna.arndt@mail.test".parse::<EmailAddress>().is_ok());
        let long = format!("{}@b", "x".repeat(254));
        for bad in ["", "anna", "@b", "a@", "a@b@c", "a b@c", &long] {
            assert!(bad.parse::<EmailAddress>().is_err(), "{bad}");
        }
        assert_eq!("+49 (30) 12-34/5".parse::<PhoneNumber>().unwrap().digits(), "493012345");
        assert!(["", "+", "12a", &"1".repeat(41)].iter().all(|bad| bad.parse::<PhoneNumber>().is_err()));
    }
}
