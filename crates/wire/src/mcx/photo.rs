use thiserror::Error;

/// The query that asks for a photo: `?uri=…`, and `size=…` where a client wants another than the smallest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhotoQuery {
    /// Of whom, as a SIP URI.
    pub uri: String,
    /// Such as `HR96X96`.
    pub size: Option<String>,
}

/// The query does not say of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the query has no `uri`")]
pub struct InvalidPhotoQuery;

impl PhotoQuery {
    /// Reads a query, without its `?`. Parameters that are not known are passed over.
    ///
    /// # Errors
    /// [`InvalidPhotoQuery`] where it does not say of whom.
    pub fn parse(query: &str) -> Result<Self, InvalidPhotoQuery> {
        let one = |wanted: &str| {
            let mut values = form_urlencoded::parse(query.as_bytes());
            values.find(|(key, _)| key == wanted).map(|(_, value)| value.into_owned())
        };
        Ok(Self { uri: one("uri").ok_or(InvalidPhotoQuery)?, size: one("size") })
    }

    /// The query, without its `?`.
    pub fn to_query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("uri", &self.uri);
        if let Some(size) = &self.size {
            query.append_pair("size", size);
        }
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_reads_back() {
        for size in [None, Some("HR48X48".to_owned())] {
            let query = PhotoQuery { uri: "sip:a&b@office.test".into(), size };
            assert_eq!(PhotoQuery::parse(&query.to_query()), Ok(query));
        }
        assert_eq!(PhotoQuery::parse("size=HR48X48"), Err(InvalidPhotoQuery));
    }
}
