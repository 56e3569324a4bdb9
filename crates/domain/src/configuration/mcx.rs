use std::time::Duration;

use super::{Configuration, Expected, InvalidParameter, Object, Parameters, Value, one};
use crate::{
    SipUri,
    session::{EXPIRY_WITH_PUSH, EXPIRY_WITHOUT_PUSH, Expiry},
};

/// The mobility service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McxConfiguration {
    /// From where phones reach the mobility service.
    pub exposed_web_url: ExposedWebUrl,
    /// Who wakes phones for an office that has no key of its own. Read by nothing yet.
    pub push_notification_proxy_uri: SipUri,
    /// How long a session lives without a word, on a device that can be woken and on any other.
    pub expiry: Expiry,
}

/// From where phones reach the mobility service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExposedWebUrl {
    /// From the office network only: its links name a host that exists nowhere else, and stand in no document
    /// that leaves it.
    Internal,
    /// From everywhere, under one name.
    External,
}

impl ExposedWebUrl {
    fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "Internal",
            Self::External => "External",
        }
    }
}

const SESSION: &str = "SessionExpirationInterval";
const SHORT_SESSION: &str = "SessionShortExpirationInterval";

fn proxy() -> SipUri {
    #[expect(clippy::expect_used, reason = "a constant, which the test of the defaults reads")]
    "sip:push@push.lync.com".parse().expect("the clearing house has a SIP address")
}

impl Default for McxConfiguration {
    fn default() -> Self {
        Self {
            exposed_web_url: ExposedWebUrl::External,
            push_notification_proxy_uri: proxy(),
            expiry: Expiry::default(),
        }
    }
}

impl Parameters for McxConfiguration {
    fn values(&self) -> Vec<(&'static str, Value)> {
        let seconds = |duration: Duration| Value::Number(duration.as_secs().try_into().unwrap_or(i64::MAX));
        vec![
            ("ExposedWebURL", Value::Text(self.exposed_web_url.as_str().to_owned())),
            ("PushNotificationProxyUri", Value::Text(self.push_notification_proxy_uri.to_string())),
            (SESSION, seconds(self.expiry.with_push)),
            (SHORT_SESSION, seconds(self.expiry.without_push)),
        ]
    }

    fn set(&mut self, name: &str, words: &[String]) -> Result<(), Expected> {
        match name {
            "ExposedWebURL" => {
                let read = |word: &str| {
                    [ExposedWebUrl::Internal, ExposedWebUrl::External]
                        .into_iter()
                        .find(|exposed| exposed.as_str().eq_ignore_ascii_case(word))
                };
                self.exposed_web_url = one(words, ExposedWebUrl::External, read, "`Internal` or `External`")?;
            }
            "PushNotificationProxyUri" => {
                let read =
                    |word: &str| word.get(..4)?.eq_ignore_ascii_case("sip:").then(|| word.parse().ok())?;
                let expected = "a SIP URI, such as `sip:push@push.lync.com`";
                self.push_notification_proxy_uri = one(words, proxy(), read, expected)?;
            }
            SESSION => self.expiry.with_push = interval(words, EXPIRY_WITH_PUSH)?,
            _ => self.expiry.without_push = interval(words, EXPIRY_WITHOUT_PUSH)?,
        }
        Ok(())
    }

    fn check(&self) -> Result<(), InvalidParameter> {
        let Expiry { with_push, without_push } = self.expiry;
        if without_push < with_push {
            return Ok(());
        }
        Err(InvalidParameter::NotSmaller {
            name: SHORT_SESSION,
            value: without_push.as_secs(),
            other: SESSION,
            limit: with_push.as_secs(),
        })
    }
}

impl Configuration for McxConfiguration {
    const OBJECT: Object = Object::Mcx;
}

/// The bounds of the original.
fn interval(words: &[String], default: Duration) -> Result<Duration, Expected> {
    let read = |word: &str| word.parse::<u32>().ok().filter(|seconds| *seconds >= 120);
    let read = |word: &str| read(word).map(|seconds| Duration::from_secs(seconds.into()));
    one(words, default, read, "seconds, 120 to 4294967295")
}
