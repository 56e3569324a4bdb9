use anyhow::{Context, Result};
use serde_json::Value;

/// A resource as it came: properties, links, and what is embedded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource(pub Value);

impl Resource {
    /// Where a link leads; of several the first.
    ///
    /// # Errors
    /// When there is none: what is not offered has no link.
    pub fn link(&self, rel: &str) -> Result<&str> {
        self.links(rel).first().copied().with_context(|| format!("no link `{rel}` in {}", self.0))
    }

    /// Where all links of that rel lead.
    pub fn links(&self, rel: &str) -> Vec<&str> {
        let links = &self.0["_links"][rel];
        let several = links.as_array().map_or_else(|| std::slice::from_ref(links), Vec::as_slice);
        several.iter().filter_map(|link| link["href"].as_str()).collect()
    }

    /// Where the resource is.
    ///
    /// # Errors
    /// When it does not say.
    pub fn href(&self) -> Result<&str> {
        self.link("self")
    }

    /// What is embedded under that rel; of several the first.
    pub fn embedded(&self, rel: &str) -> Option<Self> {
        self.all_embedded(rel).into_iter().next()
    }

    /// All that is embedded under that rel.
    pub fn all_embedded(&self, rel: &str) -> Vec<Self> {
        match &self.0["_embedded"][rel] {
            Value::Null => Vec::new(),
            Value::Array(several) => several.iter().cloned().map(Self).collect(),
            one => vec![Self(one.clone())],
        }
    }

    /// A property that is a text; empty when there is none.
    pub fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_link_and_several_are_read_alike() {
        let links = json!({ "self": { "href": "/a" }, "contact": [{ "href": "/b" }, { "href": "/c" }] });
        let resource = Resource(json!({ "rel": "x", "_links": links }));
        assert_eq!(resource.href().unwrap(), "/a");
        assert_eq!(resource.links("contact"), ["/b", "/c"]);
        let missing = resource.link("accept").unwrap_err().to_string();
        assert!(missing.starts_with("no link `accept` in {"), "{missing}");
    }

    #[test]
    fn one_embedded_resource_and_several_are_read_alike() {
        let resource = Resource(json!({ "_embedded": { "me": { "name": "a" }, "contact": [{}, {}] } }));
        assert_eq!(resource.embedded("me").unwrap().text("name"), "a");
        assert_eq!(resource.all_embedded("contact").len(), 2);
        assert_eq!(resource.embedded("people"), None);
    }
}
