use super::{Configuration, Expected, Object, Origin, Parameters, Value, list, one, texts};

/// How somebody signs in, and from which pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebServiceConfiguration {
    /// Whether NTLM is offered.
    pub use_windows_auth: WindowsAuth,
    /// The origins whose pages may ask the box from a browser; none switches that off.
    pub cross_domain_authorization_list: Vec<Origin>,
    /// How long browsers are to insist on TLS, in seconds; 0: they are to forget it; negative: they are told nothing.
    pub hsts_max_age_in_seconds: i64,
}

/// Which of the original's Windows authentications are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowsAuth {
    /// None. No hash that is as good as a password is kept.
    None,
    /// NTLM, version 2.
    Ntlm,
}

impl WindowsAuth {
    /// The original's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Ntlm => "NTLM",
        }
    }
}

/// Ten years, the original's default, and the longest that is taken.
const MAX_HSTS: i64 = 315_360_000;

impl Default for WebServiceConfiguration {
    fn default() -> Self {
        Self {
            use_windows_auth: WindowsAuth::None,
            cross_domain_authorization_list: Vec::new(),
            hsts_max_age_in_seconds: -1,
        }
    }
}

impl Parameters for WebServiceConfiguration {
    fn values(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("UseWindowsAuth", Value::Text(self.use_windows_auth.as_str().to_owned())),
            ("CrossDomainAuthorizationList", texts(&self.cross_domain_authorization_list)),
            ("HstsMaxAgeInSeconds", Value::Number(self.hsts_max_age_in_seconds)),
        ]
    }

    fn set(&mut self, name: &str, words: &[String]) -> Result<(), Expected> {
        match name {
            "UseWindowsAuth" => {
                let read = |word: &str| {
                    [WindowsAuth::None, WindowsAuth::Ntlm]
                        .into_iter()
                        .find(|auth| auth.as_str().eq_ignore_ascii_case(word))
                };
                let expected =
                    "`None` or `NTLM`; `Negotiate` needs a Windows domain, which the box has none of";
                self.use_windows_auth = one(words, WindowsAuth::None, read, expected)?;
            }
            "CrossDomainAuthorizationList" => self.cross_domain_authorization_list = list(words)?,
            _ => {
                let read = |word: &str| word.parse().ok().filter(|age| (-1..=MAX_HSTS).contains(age));
                let expected = "seconds, up to 315360000, or -1 for off";
                self.hsts_max_age_in_seconds = one(words, -1, read, expected)?;
            }
        }
        Ok(())
    }
}

impl Configuration for WebServiceConfiguration {
    const OBJECT: Object = Object::WebService;
}
