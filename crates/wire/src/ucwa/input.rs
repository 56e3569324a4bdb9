use std::fmt;

use roxmltree::Node;
use serde_json::{Map, Value};
use thiserror::Error;

use super::{Code, Reason, Subcode, essence};
use crate::{MAX_BODY, XmlError, date, xml};

/// The most names in one request.
const MAX_FIELDS: usize = 256;

/// What a request says: fields and links, from its body and its query.
///
/// Names are compared without case. A field that is `null` is not there; one that is not asked for does no harm.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Input {
    fields: Vec<Field>,
    links: Vec<(String, String)>,
}

#[derive(Clone, PartialEq, Eq)]
struct Field {
    name: String,
    values: Content,
}

#[derive(Clone, PartialEq, Eq)]
enum Content {
    /// One in most cases.
    Texts(Vec<String>),
    /// An object, or a list of more than texts, numbers and truths.
    Structured,
}

/// Why a request can not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InputError {
    /// Longer than [`MAX_BODY`].
    #[error("the body is longer than {MAX_BODY} bytes")]
    TooLong,
    /// Neither JSON nor XML nor a form.
    #[error("the body is neither JSON nor XML nor a form")]
    UnsupportedMediaType,
    /// Not what its type says.
    #[error("the body can not be read: {0}")]
    Malformed(String),
}

/// A field that is missing or not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{name}` {problem}")]
pub struct InvalidField {
    /// The name as it was asked for.
    pub name: &'static str,
    /// What is wrong with it, such as `is missing`.
    pub problem: &'static str,
}

impl Input {
    /// Reads a request. The query, without its `?`, fills in what the body lacks; an empty body has any type; one
    /// without a type, or called a form, is what it begins like.
    ///
    /// # Errors
    /// [`InputError`]
    pub fn parse(content_type: Option<&str>, query: Option<&str>, body: &[u8]) -> Result<Self, InputError> {
        let query = query.unwrap_or_default();
        if body.len() > MAX_BODY || query.len() > MAX_BODY {
            return Err(InputError::TooLong);
        }
        let body = body.trim_ascii();
        let mut input = match (content_type.map(essence).as_deref(), body.first()) {
            (_, None) => Self::default(),
            (Some("application/json" | "text/json" | VENDOR_JSON), _) => Self::from_json(body)?,
            (Some("application/xml" | "text/xml" | VENDOR_XML), _) => Self::from_xml(body)?,
            (None | Some(FORM), Some(b'{')) => Self::from_json(body)?,
            (None | Some(FORM), Some(b'<')) => Self::from_xml(body)?,
            (None | Some(FORM), _) => Self::from_form(body)?,
            _ => return Err(InputError::UnsupportedMediaType),
        };
        let query = Self::from_form(query.as_bytes())?.fields;
        input.fields.extend(query.into_iter().filter(|field| !input.has(&field.name)).collect::<Vec<_>>());
        Ok(input)
    }

    fn from_json(body: &[u8]) -> Result<Self, InputError> {
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        let value = serde_json::from_slice(body).map_err(|error| InputError::Malformed(error.to_string()))?;
        let object = match value {
            Value::Object(object) => object,
            Value::Null => Map::new(),
            _ => return Err(InputError::Malformed("it is not an object".into())),
        };
        let mut input = Self::default();
        for (name, value) in object {
            match (name.as_str(), value) {
                ("_links", Value::Object(links)) => {
                    input.links = links.into_iter().filter_map(link).collect();
                }
                ("_links" | "_embedded", _) | (_, Value::Null) => {}
                (_, value) => input.add(name, content(value))?,
            }
        }
        Ok(input)
    }

    fn from_xml(body: &[u8]) -> Result<Self, InputError> {
        xml::read(body, |root| {
            // A PUT may bring the resource back as it came (UCWA reference, group2).
            if !matches!(root.tag_name().name(), "input" | "resource") {
                return Err(XmlError::Unexpected(
                    "the root element is neither `input` nor `resource`".into(),
                ));
            }
            Ok(Self::from_elements(root))
        })
        .map_err(|error| InputError::Malformed(error.to_string()))?
    }

    fn from_elements(root: Node<'_, '_>) -> Result<Self, InputError> {
        let mut input = Self::default();
        for node in root.children().filter(Node::is_element) {
            let attribute = |name| node.attribute(name).map(str::to_owned);
            match (node.tag_name().name(), attribute("name"), attribute("rel"), attribute("href")) {
                ("property", Some(name), ..) => input.add(name, Content::Texts(vec![xml::text(node)]))?,
                ("propertyList", Some(name), ..) => {
                    let items = node.children().filter(Node::is_element).map(xml::text);
                    input.add(name, Content::Texts(items.collect()))?;
                }
                ("link", _, Some(rel), Some(href)) => input.links.push((rel, href)),
                _ => {}
            }
        }
        Ok(input)
    }

    fn from_form(form: &[u8]) -> Result<Self, InputError> {
        let mut input = Self::default();
        for (name, value) in form_urlencoded::parse(form) {
            input.add(name.into_owned(), Content::Texts(vec![value.into_owned()]))?;
        }
        Ok(input)
    }

    /// Adds a field; a name that comes again has all of its values.
    fn add(&mut self, name: String, values: Content) -> Result<(), InputError> {
        let full = self.fields.len() >= MAX_FIELDS;
        let known = self.fields.iter_mut().find(|field| field.name.eq_ignore_ascii_case(&name));
        match (known.map(|field| &mut field.values), values) {
            (Some(Content::Texts(known)), Content::Texts(more)) => known.extend(more),
            (Some(known), _) => *known = Content::Structured,
            (None, _) if full => {
                return Err(InputError::Malformed(format!("it has more than {MAX_FIELDS} fields")));
            }
            (None, values) => self.fields.push(Field { name, values }),
        }
        Ok(())
    }

    /// Whether the field is there.
    pub fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    fn field(&self, name: &str) -> Option<&Content> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| &field.values)
    }

    /// The text of a field; a number or a truth is its text.
    ///
    /// # Errors
    /// [`InvalidField`] when it has several values or parts.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>, InvalidField> {
        match self.field(name) {
            None => Ok(None),
            Some(Content::Texts(texts)) if texts.len() == 1 => Ok(texts.first().map(String::as_str)),
            Some(_) => Err(InvalidField { name, problem: "is not a single value" }),
        }
    }

    /// The text of a field that has to be there and not empty.
    ///
    /// # Errors
    /// [`InvalidField`] as with [`Input::text`], and when it is missing or empty.
    pub fn required(&self, name: &'static str) -> Result<&str, InvalidField> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or(InvalidField { name, problem: "is missing" })
    }

    /// The texts of a field; of a single value a list of one.
    ///
    /// # Errors
    /// [`InvalidField`] when there is more in it than texts.
    pub fn list(&self, name: &'static str) -> Result<Option<&[String]>, InvalidField> {
        match self.field(name) {
            None => Ok(None),
            Some(Content::Texts(texts)) => Ok(Some(texts)),
            Some(Content::Structured) => Err(InvalidField { name, problem: "is not a list of texts" }),
        }
    }

    /// The whole number of a field.
    ///
    /// # Errors
    /// [`InvalidField`] when it is something else.
    pub fn number(&self, name: &'static str) -> Result<Option<i64>, InvalidField> {
        self.read(name, "is not a whole number", |text| text.parse().ok())
    }

    /// The truth of a field.
    ///
    /// # Errors
    /// [`InvalidField`] when it is something else.
    pub fn bool(&self, name: &'static str) -> Result<Option<bool>, InvalidField> {
        self.read(name, "is neither true nor false", |text| match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        })
    }

    /// The time of a field in milliseconds since 1970, of `/Date(…)/` or `xsd:dateTime`.
    ///
    /// # Errors
    /// [`InvalidField`] when it is something else.
    pub fn date(&self, name: &'static str) -> Result<Option<i64>, InvalidField> {
        self.read(name, "is not a time", |text| {
            let millis = text.strip_prefix("/Date(").and_then(|text| text.strip_suffix(")/"));
            millis.map_or_else(|| date::read(text), |millis| millis.parse().ok())
        })
    }

    fn read<T>(
        &self,
        name: &'static str,
        problem: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, InvalidField> {
        let value = self.text(name)?.map(|text| read(text.trim()).ok_or(InvalidField { name, problem }));
        value.transpose()
    }

    /// Where a link leads.
    pub fn link(&self, rel: &str) -> Option<&str> {
        self.links.iter().find(|(known, _)| known.eq_ignore_ascii_case(rel)).map(|(_, href)| href.as_str())
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
const VENDOR_JSON: &str = "application/vnd.microsoft.com.ucwa+json";
const VENDOR_XML: &str = "application/vnd.microsoft.com.ucwa+xml";

/// The place of a link, of the first where there are several.
fn link((rel, value): (String, Value)) -> Option<(String, String)> {
    let first = match value {
        Value::Array(links) => links.into_iter().next()?,
        single => single,
    };
    Some((rel, first.get("href")?.as_str()?.to_owned()))
}

fn content(value: Value) -> Content {
    let texts: Option<Vec<String>> = match value {
        Value::Array(items) => items.into_iter().map(scalar).collect(),
        single => scalar(single).map(|text| vec![text]),
    };
    texts.map_or(Content::Structured, Content::Texts)
}

fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl fmt::Debug for Input {
    /// Prints names alone: values are what people write to each other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.fields.iter().map(|field| &field.name).chain(self.links.iter().map(|(rel, _)| rel));
        f.debug_set().entries(names).finish()
    }
}

impl From<InputError> for Reason {
    fn from(error: InputError) -> Self {
        let (code, subcode) = match error {
            InputError::TooLong => (Code::EntityTooLarge, None),
            InputError::UnsupportedMediaType => {
                (Code::UnsupportedMediaType, Some(Subcode::UnsupportedMediaType))
            }
            InputError::Malformed(_) => (Code::BadRequest, Some(Subcode::DeserializationFailure)),
        };
        Self::new(code, subcode, error.to_string())
    }
}

impl From<InvalidField> for Reason {
    fn from(error: InvalidField) -> Self {
        let reason = Self::new(Code::BadRequest, Subcode::ParameterValidationFailure, error.to_string());
        reason.parameter(error.name, error.problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &str) -> Input {
        Input::parse(Some("application/json; charset=utf-8"), None, body.as_bytes()).unwrap()
    }

    fn in_xml(body: &str) -> Result<Input, InputError> {
        let body = format!(r#"<input xmlns="{}">{body}</input>"#, super::super::NAMESPACE);
        Input::parse(Some("application/xml"), None, body.as_bytes())
    }

    #[test]
    fn one_request_is_the_same_in_every_form() {
        let forms = [
            (
                Some("application/json"),
                r#"{"UserAgent":"A/1","Culture":"en-US","duration":11,"Uris":["sip:b","sip:c"]}"#,
            ),
            (
                Some("application/vnd.microsoft.com.ucwa+json"),
                r#"{"userAgent":"A/1","culture":"en-US","duration":"11","uris":["sip:b","sip:c"]}"#,
            ),
            (
                Some("application/xml"),
                concat!(
                    r#"<input xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><property name="userAgent">A/1</property>"#,
                    r#"<property name="culture">en-US</property><property name="duration">11</property>"#,
                    r#"<propertyList name="uris"><item>sip:b</item><item>sip:c</item></propertyList></input>"#,
                ),
            ),
            (
                Some("application/x-www-form-urlencoded;charset='utf-8'"),
                "userAgent=A%2F1&culture=en-US&duration=11&uris=sip:b&uris=sip:c",
            ),
            (
                None,
                "\u{20}{\"USERAGENT\":\"A/1\",\"culture\":\"en-US\",\"duration\":11,\"uris\":[\"sip:b\",\"sip:c\"]}",
            ),
        ];
        for (content_type, body) in forms {
            let input = Input::parse(content_type, None, body.as_bytes()).unwrap();
            assert_eq!(input.required("userAgent"), Ok("A/1"), "{body}");
            assert_eq!(input.text("culture"), Ok(Some("en-US")));
            assert_eq!(input.number("duration"), Ok(Some(11)));
            assert_eq!(input.list("uris").unwrap().unwrap(), ["sip:b", "sip:c"]);
            assert_eq!(input.text("endpointId"), Ok(None));
        }
    }

    #[test]
    fn the_query_fills_in_what_the_body_lacks() {
        let query = Some("Message=other&operationContext=7");
        let input = Input::parse(Some("application/json"), query, br#"{"message":"mine"}"#).unwrap();
        assert_eq!(input.text("message"), Ok(Some("mine")));
        assert_eq!(input.text("operationContext"), Ok(Some("7")));
        let null = Input::parse(Some("application/json"), query, br#"{"message":null}"#).unwrap();
        assert_eq!(null.text("message"), Ok(Some("other")));
    }

    #[test]
    fn an_empty_body_has_any_type() {
        for content_type in [None, Some("application/json"), Some("text/plain"), Some("image/png")] {
            assert_eq!(Input::parse(content_type, None, b" \r\n"), Ok(Input::default()));
        }
        assert_eq!(json("null"), Input::default());
    }

    #[test]
    fn links_are_read_and_what_is_embedded_is_not() {
        let body = r#"{"_links":{"message":{"href":"data:,a"},"x":[{"href":"/1"},{"href":"/2"}],"y":3},"_embedded":{"a":1}}"#;
        let input = json(body);
        assert_eq!(input.link("Message"), Some("data:,a"));
        assert_eq!(input.link("x"), Some("/1"));
        assert_eq!(input.link("y"), None);
        assert!(!input.has("_embedded") && !input.has("a"));
        let input = in_xml(r#"<link rel="message" href="data:,a"/>"#).unwrap();
        assert_eq!(input.link("message"), Some("data:,a"));
    }

    #[test]
    fn a_value_of_another_kind_is_named() {
        let input = json(r#"{"a":{"b":1},"c":["d","e"],"f":"g","h":[],"i":[null],"j":true,"k":"False"}"#);
        assert_eq!(input.text("a").unwrap_err().to_string(), "`a` is not a single value");
        assert!(input.text("c").is_err() && input.text("h").is_err() && input.list("i").is_err());
        assert_eq!(input.list("h"), Ok(Some(&[][..])));
        assert_eq!(input.list("f").unwrap().unwrap(), ["g"]);
        assert_eq!(input.number("f").unwrap_err().problem, "is not a whole number");
        assert_eq!((input.bool("j"), input.bool("k")), (Ok(Some(true)), Ok(Some(false))));
        let missing = Reason::from(input.required("to").unwrap_err());
        assert_eq!(
            (missing.code, missing.subcode),
            (Code::BadRequest, Some(Subcode::ParameterValidationFailure))
        );
        assert_eq!(missing.parameters, [("to".to_owned(), "is missing".to_owned())]);
    }

    #[test]
    fn times_are_read_in_both_notations() {
        let input = json(r#"{"a":"\/Date(1474932029635)\/","b":"2013-02-07T01:17:18.000Z","c":"soon"}"#);
        assert_eq!(input.date("a"), Ok(Some(1_474_932_029_635)));
        assert_eq!(input.date("b"), Ok(Some(1_360_199_838_000)));
        assert!(input.date("c").is_err());
    }

    #[test]
    fn what_can_not_be_read_says_so() {
        let code = |content_type, body: &str| {
            Reason::from(Input::parse(Some(content_type), None, body.as_bytes()).unwrap_err()).code
        };
        assert_eq!(code("application/json", "{"), Code::BadRequest);
        assert_eq!(code("application/json", "[1]"), Code::BadRequest);
        assert_eq!(code("application/xml", "<output/>"), Code::BadRequest);
        assert_eq!(code("text/plain", "hello"), Code::UnsupportedMediaType);
        assert_eq!(code("application/json", &" ".repeat(MAX_BODY + 1)), Code::EntityTooLarge);
        let many: Vec<_> = (0..=MAX_FIELDS).map(|n| format!("{n}=")).collect();
        assert_eq!(code(FORM, &many.join("&")), Code::BadRequest);
    }

    #[test]
    fn a_resource_comes_back_as_it_was_given() {
        let group = crate::ucwa::Resource::new("group", "/a/g/7").property("name", "Sales").link("me", "/me");
        let group = group.embed(crate::ucwa::Resource::new("me", "/me").property("name", "Anna"));
        let input = Input::parse(Some("application/xml"), None, group.to_xml().as_bytes()).unwrap();
        assert_eq!(input.text("name"), Ok(Some("Sales")), "what is embedded is not looked at");
        let other = Input::parse(Some("application/xml"), None, b"<reason/>");
        assert!(matches!(other, Err(InputError::Malformed(_))));
    }

    #[test]
    fn no_value_is_printed() {
        assert_eq!(format!("{:?}", json(r#"{"a":"hush","_links":{"m":{"href":"hush"}}}"#)), r#"{"a", "m"}"#);
    }
}
