use crate::{
    XmlError,
    mcx::NAMESPACE,
    xml::{self, Writer},
};

/// The body of an answer whose status is not 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McxError {
    /// A word for programs, such as `malformed`.
    pub code: String,
    /// A sentence for people.
    pub reason: String,
}

impl McxError {
    /// The document.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new();
        writer.empty("mcxError", &[("code", &self.code), ("reason", &self.reason), ("xmlns", NAMESPACE)]);
        writer.finish()
    }

    /// Reads the document.
    ///
    /// # Errors
    /// [`XmlError`] when it is not one.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        xml::read_answer(body, |root| {
            let attribute = |name: &str| root.attribute(name).map(str::to_owned);
            match (root.has_tag_name((NAMESPACE, "mcxError")), attribute("code"), attribute("reason")) {
                (true, Some(code), Some(reason)) => Ok(Self { code, reason }),
                _ => Err(XmlError::Unexpected("the document is not an `mcxError`".into())),
            }
        })
    }
}
