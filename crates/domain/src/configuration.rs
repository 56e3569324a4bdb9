//! The configuration objects of the original, with its names, scopes and defaults.
//!
//! An object is in force as a whole: the one of the most specific [`Scope`] that has it, or else the defaults. A
//! parameter that an object does not mention has its default; it does not shine through from a wider scope.
//!
//! | object | parameter | default |
//! |---|---|---|
//! | `AutodiscoverConfiguration` | `WebLinks` | none |
//! | | `ExternalSipClientAccessFqdn`, `ExternalSipClientAccessPort` | what follows from the office |
//! | `WebServiceConfiguration` | `UseWindowsAuth` | `None`; the original's was `Negotiate` |
//! | | `CrossDomainAuthorizationList` | none |
//! | | `HstsMaxAgeInSeconds` | -1, off; the original's was 315360000 |
//! | `McxConfiguration` | `ExposedWebURL` | `External` |
//! | | `PushNotificationProxyUri` | `sip:push@push.lync.com` |
//! | | `SessionExpirationInterval`, `SessionShortExpirationInterval` | 259200, 3600 |
//! | `PushNotificationConfiguration` | `EnableApplePushNotificationService` | `False` |
//! | | `EnableMicrosoftPushNotificationService` | `False` |
//! | | `EnableMessagePreviews` | `False`; ours, the original had none |
//! | `MobilityPolicy` | `EnableMobility`, `EnablePushNotifications` | `True` |
//! | | `EnableOutsideVoice` | `True` |
//! | `ArchivingConfiguration` | `KeepArchivingDataForDays` | 30; the original's was 14 |
//!
//! Three defaults differ. Windows authentication needs hashes that are as good as passwords, so an office asks for
//! it. A browser that was told HSTS can not be talked past a certificate of the box's own authority, so an office
//! asks for that too; browsers are told only where the certificate that they see is one from elsewhere. The original
//! archived beside what people see; here the history that devices are told from is kept as long.
//!
//! Kept for what is to come, and read by nothing yet: `PushNotificationProxyUri` (another office's push service) and
//! `EnableOutsideVoice` (calls). Left out because nothing here could obey them: certificates and PINs for
//! signing in (`UseCertificateAuth`, `UsePinAuth`, the validity periods), `MobilePreferredAuthType`,
//! `MaxGroupSizeToExpand`, `PendingGetWait…` (a poll is as long as `MCX.md` says), audio, video, sharing, Exchange
//! and what a phone keeps, `EnableCORS`, `EnableArchiving` and `EnablePurging` (what is over is deleted), and the ports of
//! the original's inner services.

mod archiving;
mod autodiscover;
mod mcx;
mod mobility_policy;
mod origin;
mod push_notification;
mod scope;
mod web_service;

use std::{fmt, str::FromStr};

use thiserror::Error;

pub use archiving::ArchivingConfiguration;
pub use autodiscover::{AutodiscoverConfiguration, InvalidWebLink, WebLink};
pub use mcx::{ExposedWebUrl, McxConfiguration};
pub use mobility_policy::MobilityPolicy;
pub use origin::{InvalidOrigin, Origin};
pub use push_notification::PushNotificationConfiguration;
pub use scope::{InvalidScope, PolicyName, Scope};
pub use web_service::{WebServiceConfiguration, WindowsAuth};

/// The configuration objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// What Autodiscover documents say beside what follows from the office.
    Autodiscover,
    /// How somebody signs in, and from which pages.
    WebService,
    /// The mobility service.
    Mcx,
    /// Which push services are used.
    PushNotification,
    /// What a person may do with a phone.
    MobilityPolicy,
    /// How long what happened in conversations is kept.
    Archiving,
}

/// The text names no configuration object.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a configuration object: there are {known}", known = Object::ALL.map(Object::as_str).join(", "))]
pub struct UnknownObject(String);

/// A parameter's value as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `True` or `False`.
    Boolean(bool),
    /// A number.
    Number(i64),
    /// A word, an address or a name.
    Text(String),
    /// Any number of them, none included.
    List(Vec<String>),
}

/// Why a parameter can not be set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidParameter {
    /// The object has no such parameter.
    #[error("`{object}` has no parameter `{name}`: it has {known}")]
    Unknown {
        /// Which object.
        object: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The value can not be.
    #[error("`{value}` is not a value of `{name}`: {expected}")]
    Value {
        /// Which parameter.
        name: &'static str,
        /// What was asked for.
        value: String,
        /// What it can be.
        expected: String,
    },
    /// A service can not be switched on before the box knows how to speak to it.
    #[error(
        "`{name}` can not be `True` while the box has no key for {service}: \
         enter it with `fulmarctl push keys set {keys}`, which switches the service on"
    )]
    NoKey {
        /// The switch.
        name: &'static str,
        /// What people call the service.
        service: &'static str,
        /// What the command calls it.
        keys: &'static str,
    },
    /// Two parameters contradict each other.
    #[error("`{name}` ({value}) has to be smaller than `{other}` ({limit})")]
    NotSmaller {
        /// The one that is too large.
        name: &'static str,
        /// Its value.
        value: u64,
        /// The one that bounds it.
        other: &'static str,
        /// Its value.
        limit: u64,
    },
}

/// The parameters of one object, by name.
pub trait Parameters: Send {
    /// Names and values, in the order in which they are shown.
    fn values(&self) -> Vec<(&'static str, Value)>;

    /// Sets the parameter of that name, which is one of [`Self::values`], from words; none put the default back.
    ///
    /// # Errors
    /// What a value can be.
    fn set(&mut self, name: &str, words: &[String]) -> Result<(), Expected>;

    /// Whether the parameters agree.
    ///
    /// # Errors
    /// The two that do not.
    fn check(&self) -> Result<(), InvalidParameter> {
        Ok(())
    }
}

/// What a value can be, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected(String);

/// A configuration object; its `Default` is what is in force where nobody has said anything.
pub trait Configuration: Parameters + Default + 'static {
    /// Which.
    const OBJECT: Object;
}

impl Object {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Autodiscover,
        Self::WebService,
        Self::Mcx,
        Self::PushNotification,
        Self::MobilityPolicy,
        Self::Archiving,
    ];

    /// The original's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Autodiscover => "AutodiscoverConfiguration",
            Self::WebService => "WebServiceConfiguration",
            Self::Mcx => "McxConfiguration",
            Self::PushNotification => "PushNotificationConfiguration",
            Self::MobilityPolicy => "MobilityPolicy",
            Self::Archiving => "ArchivingConfiguration",
        }
    }

    /// The object with its defaults.
    pub fn defaults(self) -> Box<dyn Parameters> {
        match self {
            Self::Autodiscover => Box::new(AutodiscoverConfiguration::default()),
            Self::WebService => Box::new(WebServiceConfiguration::default()),
            Self::Mcx => Box::new(McxConfiguration::default()),
            Self::PushNotification => Box::new(PushNotificationConfiguration::default()),
            Self::MobilityPolicy => Box::new(MobilityPolicy::default()),
            Self::Archiving => Box::new(ArchivingConfiguration::default()),
        }
    }

    /// Sets one parameter of `parameters`, which are those of this object. Names are taken in any case.
    ///
    /// # Errors
    /// [`InvalidParameter`]; nothing was set then.
    pub fn set(
        self,
        parameters: &mut dyn Parameters,
        name: &str,
        words: &[String],
    ) -> Result<(), InvalidParameter> {
        let values = parameters.values();
        let Some(known) =
            values.iter().map(|(known, _)| *known).find(|known| known.eq_ignore_ascii_case(name))
        else {
            return Err(InvalidParameter::Unknown {
                object: self.as_str(),
                name: shortened(name),
                known: values.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", "),
            });
        };
        parameters.set(known, words).map_err(|Expected(expected)| InvalidParameter::Value {
            name: known,
            value: shortened(&words.join(" ")),
            expected,
        })
    }
}

impl FromStr for Object {
    type Err = UnknownObject;

    /// Takes the name in any case, with or without the `Cs` that the original's commands put before it.
    fn from_str(text: &str) -> Result<Self, UnknownObject> {
        let bare = match text.get(..2) {
            Some(prefix) if prefix.eq_ignore_ascii_case("cs") => &text[2..],
            _ => text,
        };
        let found = Self::ALL.into_iter().find(|object| object.as_str().eq_ignore_ascii_case(bare));
        found.ok_or_else(|| UnknownObject(shortened(text)))
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Value {
    /// The words from which [`Parameters::set`] makes this value.
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::Boolean(true) => vec!["True".to_owned()],
            Self::Boolean(false) => vec!["False".to_owned()],
            Self::Number(number) => vec![number.to_string()],
            Self::Text(text) => vec![text.clone()],
            Self::List(list) => list.clone(),
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(128).collect()
}

/// One word as a value; none is the default.
fn one<T>(
    words: &[String],
    default: T,
    read: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Result<T, Expected> {
    match words {
        [] => Ok(default),
        [word] => read(word).ok_or_else(|| Expected(expected.to_owned())),
        _ => Err(Expected(format!("one value, {expected}"))),
    }
}

fn boolean(words: &[String], default: bool) -> Result<bool, Expected> {
    let read = |word: &str| match word.trim_start_matches('$').to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    one(words, default, read, "`True` or `False`")
}

fn port(word: &str) -> Option<u16> {
    let digits = word.bytes().all(|b| b.is_ascii_digit());
    word.parse().ok().filter(|port| digits && *port > 0)
}

/// The most entries of a list.
const MAX_LIST: usize = 64;

fn list<T>(words: &[String]) -> Result<Vec<T>, Expected>
where
    T: FromStr<Err: fmt::Display> + PartialEq,
{
    if words.len() > MAX_LIST {
        return Err(Expected(format!("at most {MAX_LIST} entries")));
    }
    let mut entries = Vec::new();
    for word in words {
        let entry = word.parse().map_err(|error: T::Err| Expected(error.to_string()))?;
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    Ok(entries)
}

fn texts<T: fmt::Display>(entries: &[T]) -> Value {
    Value::List(entries.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(
        object: Object,
        name: &str,
        words: &[&str],
    ) -> Result<Vec<(&'static str, Value)>, InvalidParameter> {
        let mut parameters = object.defaults();
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        object.set(parameters.as_mut(), name, &words)?;
        parameters.check()?;
        Ok(parameters.values())
    }

    #[test]
    fn the_defaults_are_those_that_are_written_down() {
        let text = |object: Object| {
            let values = object.defaults().values();
            let shown = values.iter().map(|(name, value)| format!("{name}={}", value.words().join(" ")));
            shown.collect::<Vec<_>>().join("; ")
        };
        assert_eq!(
            text(Object::Mcx),
            "ExposedWebURL=External; PushNotificationProxyUri=sip:push@push.lync.com; \
             SessionExpirationInterval=259200; SessionShortExpirationInterval=3600"
        );
        assert_eq!(
            text(Object::PushNotification),
            "EnableApplePushNotificationService=False; EnableMicrosoftPushNotificationService=False; \
             EnableMessagePreviews=False"
        );
        assert_eq!(
            text(Object::MobilityPolicy),
            "EnableMobility=True; EnableOutsideVoice=True; EnablePushNotifications=True"
        );
        assert_eq!(
            text(Object::WebService),
            "UseWindowsAuth=None; CrossDomainAuthorizationList=; HstsMaxAgeInSeconds=-1"
        );
        assert_eq!(
            text(Object::Autodiscover),
            "WebLinks=; ExternalSipClientAccessFqdn=; ExternalSipClientAccessPort="
        );
        assert_eq!(text(Object::Archiving), "KeepArchivingDataForDays=30");
    }

    #[test]
    fn every_value_is_made_again_from_its_words() {
        let changed = [
            (Object::Mcx, "ExposedWebURL", vec!["Internal"]),
            (Object::Mcx, "SessionExpirationInterval", vec!["7200"]),
            (
                Object::WebService,
                "CrossDomainAuthorizationList",
                vec!["https://a.test", "https://b.test:8443"],
            ),
            (Object::Autodiscover, "WebLinks", vec!["External/Portal=https://portal.office.test/start?a=b"]),
            (Object::Autodiscover, "ExternalSipClientAccessFqdn", vec!["sip.office.test"]),
            (Object::MobilityPolicy, "EnableMobility", vec!["False"]),
            (Object::PushNotification, "EnableMessagePreviews", vec!["True"]),
            (Object::Archiving, "KeepArchivingDataForDays", vec!["365"]),
        ];
        for (object, name, words) in changed {
            let values = set(object, name, &words).unwrap();
            assert_ne!(values, object.defaults().values(), "{name}");
            let mut again = object.defaults();
            for (name, value) in &values {
                object.set(again.as_mut(), name, &value.words()).unwrap();
            }
            assert_eq!(again.values(), values, "{name}");
        }
    }

    #[test]
    fn names_are_taken_in_any_case_and_unknown_ones_are_refused_with_what_there_is() {
        assert!(set(Object::MobilityPolicy, "enablemobility", &["$false"]).is_ok());
        assert_eq!("csmcxconfiguration".parse(), Ok(Object::Mcx));
        assert!("Cs".parse::<Object>().unwrap_err().to_string().contains("MobilityPolicy"));
        let refused = set(Object::MobilityPolicy, "EnableFlying", &["True"]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`MobilityPolicy` has no parameter `EnableFlying`: \
             it has EnableMobility, EnableOutsideVoice, EnablePushNotifications"
        );
    }

    #[test]
    fn what_is_no_value_is_refused_with_what_it_can_be() {
        for (object, name, words) in [
            (Object::Mcx, "ExposedWebURL", vec!["Everywhere"]),
            (Object::Mcx, "ExposedWebURL", vec!["Internal", "External"]),
            (Object::Mcx, "PushNotificationProxyUri", vec!["push.lync.com"]),
            (Object::Mcx, "SessionExpirationInterval", vec!["119"]),
            (Object::Mcx, "SessionExpirationInterval", vec!["4294967296"]),
            (Object::Mcx, "SessionExpirationInterval", vec!["3600"]),
            (Object::Mcx, "SessionShortExpirationInterval", vec!["259200"]),
            (Object::Mcx, "SessionShortExpirationInterval", vec!["-1"]),
            (Object::PushNotification, "EnableApplePushNotificationService", vec!["yes"]),
            (Object::WebService, "UseWindowsAuth", vec!["Negotiate"]),
            (Object::WebService, "HstsMaxAgeInSeconds", vec!["soon"]),
            (Object::WebService, "CrossDomainAuthorizationList", vec!["*"]),
            (Object::WebService, "CrossDomainAuthorizationList", vec!["https://a.test/path"]),
            (Object::Autodiscover, "WebLinks", vec!["User=https://web.office.test/x"]),
            (Object::Autodiscover, "WebLinks", vec!["Portal=https://portal.office.test"]),
            (Object::Autodiscover, "ExternalSipClientAccessFqdn", vec!["sip office"]),
            (Object::Autodiscover, "ExternalSipClientAccessPort", vec!["0"]),
            (Object::Archiving, "KeepArchivingDataForDays", vec!["0"]),
            (Object::Archiving, "KeepArchivingDataForDays", vec!["2563"]),
        ] {
            let refused = set(object, name, &words).unwrap_err().to_string();
            assert!(refused.contains(name), "{refused}");
        }
    }

    #[test]
    fn no_words_put_the_default_back() {
        for object in Object::ALL {
            let mut parameters = object.defaults();
            let defaults = parameters.values();
            for (name, _) in &defaults {
                object.set(parameters.as_mut(), name, &[]).unwrap();
            }
            assert_eq!(parameters.values(), defaults, "{object}");
        }
    }
}
