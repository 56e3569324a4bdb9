use thiserror::Error;

/// The query of a poll: `?sid=…&ackId=…`, and `wait=…` where a client wants to be answered sooner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The session.
    pub sid: String,
    /// The highest event that the client has dealt with; 0 at first.
    pub ack_id: u64,
    /// Milliseconds that the client is willing to wait; the session's poll wait time when absent.
    pub wait: Option<u64>,
}

/// Why a query is no poll.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidPoll {
    /// A parameter is not there.
    #[error("the query has no `{0}`")]
    Missing(&'static str),
    /// A parameter comes twice.
    #[error("the query has `{0}` twice")]
    Twice(&'static str),
    /// A parameter is not a number from 0 to 2^63 - 1.
    #[error("`{0}` is not a number from 0 to 9223372036854775807")]
    NotANumber(&'static str),
}

impl Poll {
    /// Reads a query, without its `?`. Parameters that are not known are passed over.
    ///
    /// # Errors
    /// [`InvalidPoll`] names the first thing that is wrong.
    pub fn parse(query: &str) -> Result<Self, InvalidPoll> {
        let one = |wanted: &'static str| {
            let mut values = form_urlencoded::parse(query.as_bytes())
                .filter(|(key, _)| key == wanted)
                .map(|(_, value)| value);
            let value = values.next();
            if values.next().is_some() { Err(InvalidPoll::Twice(wanted)) } else { Ok(value) }
        };
        let number = |wanted: &'static str| {
            let number =
                one(wanted)?.map(|text| text.parse::<u64>().ok().filter(|n| i64::try_from(*n).is_ok()));
            number.map(|number| number.ok_or(InvalidPoll::NotANumber(wanted))).transpose()
        };
        Ok(Self {
            sid: one("sid")?.ok_or(InvalidPoll::Missing("sid"))?.into_owned(),
            ack_id: number("ackId")?.ok_or(InvalidPoll::Missing("ackId"))?,
            wait: number("wait")?,
        })
    }

    /// The query, without its `?`.
    pub fn to_query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("sid", &self.sid).append_pair("ackId", &self.ack_id.to_string());
        if let Some(wait) = self.wait {
            query.append_pair("wait", &wait.to_string());
        }
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_reads_back() {
        for wait in [None, Some(0)] {
            let poll = Poll { sid: "a&b".into(), ack_id: 7, wait };
            assert_eq!(Poll::parse(&poll.to_query()), Ok(poll));
        }
    }

    #[test]
    fn a_bad_query_says_what_is_bad() {
        assert_eq!(Poll::parse("ackId=1"), Err(InvalidPoll::Missing("sid")));
        assert_eq!(Poll::parse("sid=1&ackId=-1"), Err(InvalidPoll::NotANumber("ackId")));
        assert_eq!(Poll::parse("sid=1&ackId=18446744073709551615"), Err(InvalidPoll::NotANumber("ackId")));
        assert_eq!(Poll::parse("sid=1&sid=2&ackId=1"), Err(InvalidPoll::Twice("sid")));
    }
}
