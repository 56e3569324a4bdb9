use super::json;
use crate::{date, xml::Writer};

/// The value of a property.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// A number.
    Number(i64),
    /// Milliseconds since 1970: `/Date(…)/` in JSON, `xsd:dateTime` in XML.
    Date(i64),
    /// Texts.
    List(Vec<String>),
}

impl Value {
    pub(super) fn write_json(&self, out: &mut String) {
        match self {
            Self::Text(text) => json::string(out, text),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Date(millis) => out.push_str(&format!(r#""\/Date({millis})\/""#)),
            Self::List(items) => json::array(out, items, |out, item| json::string(out, item)),
        }
    }

    pub(super) fn write_xml(&self, writer: &mut Writer, name: &str) {
        match self {
            Self::Text(text) => property(writer, name, text),
            Self::Bool(value) => property(writer, name, if *value { "true" } else { "false" }),
            Self::Number(number) => property(writer, name, &number.to_string()),
            Self::Date(millis) => property(writer, name, &date::write(*millis)),
            Self::List(items) => {
                writer.element("propertyList", &[("name", name)], |w| {
                    for item in items {
                        w.leaf("item", item);
                    }
                });
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<Vec<String>> for Value {
    fn from(items: Vec<String>) -> Self {
        Self::List(items)
    }
}

impl<const N: usize> From<[&str; N]> for Value {
    fn from(items: [&str; N]) -> Self {
        Self::List(items.map(str::to_owned).into())
    }
}

/// Writes a property.
pub(super) fn property(writer: &mut Writer, name: &str, text: &str) {
    writer.element("property", &[("name", name)], |w| w.text(text));
}
