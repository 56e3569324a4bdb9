//! The refusal that tells a client where tickets are to be had, and how tickets come back.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{MAX_CREDENTIAL, Secret, ws_trust::ticket_of, xml};

/// The path of the web ticket service.
pub const TICKET_PATH: &str = "/WebTicket/WebTicketService.svc";
/// The path of the OAuth token endpoint.
pub const OAUTH_PATH: &str = "/WebTicket/oauthtoken";

/// The header that names the web ticket service.
pub const TICKET_URL_HEADER: &str = "x-ms-webticketurl";
/// The header that names the kinds of ticket.
pub const TICKET_KINDS_HEADER: &str = "x-ms-webticketsupported";
/// The header in which a client presents a ticket.
pub const TICKET_HEADER: &str = "x-ms-webticket";
/// The header that says why.
pub const DIAGNOSTICS_HEADER: &str = "x-ms-diagnostics";

/// The kinds of ticket that come back: the value of [`TICKET_KINDS_HEADER`].
pub const TICKET_KINDS: &str = "cwt,saml";

/// The challenge of the 401 that offers tickets of other issuers (OAuth 2.0 Bearer tokens, RFC 6750 §3): there are
/// none, and clients that know of the scheme want to be told.
pub const BEARER: &str = r#"Bearer trusted_issuers="", client_id="00000004-0000-0ff1-ce00-000000000000""#;

const SCHEME: &str = "MsRtcOAuth";
/// Base64 whose padding may be left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where tickets are to be had, as the two headers of a 401 say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The web ticket service: the value of `X-MS-WebTicketURL`.
    pub ticket_url: String,
    /// The OAuth token endpoint, which takes the password grant.
    pub oauth_url: String,
}

impl Challenge {
    /// The challenge of a box whose links begin with `origin`, such as `https://web.office.example`.
    pub fn at(origin: &str) -> Self {
        Self { ticket_url: format!("{origin}{TICKET_PATH}"), oauth_url: format!("{origin}{OAUTH_PATH}") }
    }

    /// The value of `WWW-Authenticate`. Clients split it at the first quote: `href` comes first, without blanks.
    pub fn www_authenticate(&self) -> String {
        format!(r#"{SCHEME} href="{}",grant_type="password""#, self.oauth_url)
    }

    /// The challenge in the headers of a 401. `None` when they name no ticket service, or no OAuth endpoint that
    /// takes the password grant. Challenges of other schemes may stand beside it and in the same value (RFC 9110
    /// §11.6.1).
    pub fn read<'a>(
        ticket_url: Option<&str>,
        www_authenticate: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        let parameters: Vec<_> =
            www_authenticate.into_iter().flat_map(|value| parameters(SCHEME, value)).collect();
        let one = |name: &str| parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        let (_, href) = one("href")?;
        let (_, grants) = one("grant_type")?;
        grants.split(',').find(|grant| grant.trim() == "password")?;
        Some(Self { ticket_url: ticket_url?.into(), oauth_url: (*href).into() })
    }
}

/// The parameters of one scheme among the challenges of a header, without their quotes.
fn parameters<'a>(scheme: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut quoted = false;
    let parts = value.split(move |character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    });
    let mut ours = false;
    let mut found = Vec::new();
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        // A name with a blank in it is the name of a scheme and that of its first parameter.
        let name = match name.trim().split_once(' ') {
            Some((first, name)) => {
                ours = first.eq_ignore_ascii_case(scheme);
                name.trim()
            }
            None => name.trim(),
        };
        if ours {
            found.push((name, value.trim().trim_matches('"')));
        }
    }
    found
}

/// The value of `X-Ms-diagnostics`: a number of [MS-OCER], which server says it, and why. What would end a quoted
/// text or a header is replaced.
pub fn diagnostics(id: u32, source: &str, reason: &str) -> String {
    let plain = |text: &str| text.replace('"', "'").replace(char::is_control, " ");
    format!(r#"{id};source="{}";reason="{}""#, plain(source), plain(reason))
}

/// The ticket in the value of `X-MS-WebTicket` (`cwt=…`, or `opaque=` and the Base64 of an assertion) or of
/// `Authorization` (`Bearer cwt=…`).
///
/// `None` when neither header has one. What stands behind `cwt=` is not looked at; of an assertion only the id
/// is, and nothing else in it is believed.
pub fn presented(ticket: Option<&str>, authorization: Option<&str>) -> Option<Secret> {
    let compact = |value: &str| value.trim().strip_prefix("cwt=").map(Secret::from);
    ticket
        .and_then(|value| compact(value).or_else(|| of_assertion(value)))
        .or_else(|| credentials("Bearer", authorization?).and_then(compact))
}

fn of_assertion(value: &str) -> Option<Secret> {
    let text = BASE64.decode(value.trim().strip_prefix("opaque=")?).ok()?;
    xml::read(&text, |root| Ok(ticket_of(root))).ok()?
}

/// A name and a password in the value of `Authorization` (RFC 7617): `None` when they are none, or longer than
/// [`MAX_CREDENTIAL`].
pub fn basic(authorization: &str) -> Option<(String, Secret)> {
    let text = BASE64.decode(credentials("Basic", authorization)?).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (username, password) = text.split_once(':')?;
    let short = username.len() <= MAX_CREDENTIAL && password.len() <= MAX_CREDENTIAL;
    short.then(|| (username.to_owned(), password.into()))
}

/// What follows the name of this scheme in the value of `Authorization`; schemes are compared without case.
pub fn credentials<'a>(scheme: &str, authorization: &'a str) -> Option<&'a str> {
    let (named, rest) = authorization.trim().split_once(' ')?;
    named.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_reads_back() {
        let challenge = Challenge::at("https://web.office.test:8443");
        let headers = [BEARER.to_owned(), challenge.www_authenticate()];
        let read = Challenge::read(Some(&challenge.ticket_url), headers.iter().map(String::as_str));
        assert_eq!(read, Some(challenge));
        assert_eq!(Challenge::read(Some("x"), [BEARER, "Basic realm=\"x\""]), None);
    }

    #[test]
    fn a_challenge_is_found_among_others() {
        let read =
            |value: &str| Challenge::read(Some("https://t/"), Some(value)).map(|found| found.oauth_url);
        let grants = r#"grant_type="urn:microsoft.rtc:windows,password""#;
        let value =
            format!(r#"Bearer trusted_issuers="", client_id="1", msrtcoauth href="https://o/",{grants}"#);
        assert_eq!(read(&value), Some("https://o/".into()));
        assert_eq!(read(&format!("MsRtcOAuth href=https://o/,{grants}")), Some("https://o/".into()));
        assert_eq!(
            read(&format!("NTLM, MsRtcOAuth {grants}, href=\"https://o/?a,b\"")),
            Some("https://o/?a,b".into())
        );
        assert_eq!(read(r#"MsRtcOAuth href="https://o/",grant_type="urn:microsoft.rtc:windows""#), None);
        assert_eq!(read(r#"MsRtcOAuth grant_type="password", Other href="https://o/""#), None);
    }

    #[test]
    fn diagnostics_stay_within_their_quotes() {
        assert_eq!(
            diagnostics(28_020, "web.office.test", "no \"ticket\"\r\nSet-Cookie: x"),
            r#"28020;source="web.office.test";reason="no 'ticket'  Set-Cookie: x""#
        );
    }

    #[test]
    fn a_ticket_is_taken_from_either_header() {
        let shown = |t, a| presented(t, a).map(|s| s.reveal().to_owned());
        assert_eq!(shown(Some("cwt=abc"), None), Some("abc".into()));
        assert_eq!(shown(None, Some("bearer cwt=abc")), Some("abc".into()));
        assert_eq!(shown(None, Some("Basic YTpi")), None);
        assert_eq!(shown(None, None), None);
        assert_eq!(shown(Some("opaque=PHg+"), Some("Bearer cwt=abc")), Some("abc".into()));
    }
    #[test]
    fn a_ticket_is_taken_from_the_id_of_an_assertion() {
        let shown = |text: &str| {
            let value = format!("opaque={}", BASE64.encode(text));
            presented(Some(&value), None).map(|secret| secret.reveal().to_owned())
        };
        let assertion =
            r#"<saml:Assertion xmlns:saml="urn:a" AssertionID="SamlSecurityToken-abc">x</saml:Assertion>"#;
        assert_eq!(shown(assertion), Some("abc".into()));
        for other in [
            r#"<a><Assertion AssertionID="SamlSecurityToken-abc"/></a>"#,
            r#"<Assertion AssertionID="abc"/>"#,
            r#"<Assertion ID="SamlSecurityToken-abc"/>"#,
            "<Assertion",
        ] {
            assert_eq!(shown(other), None, "{other}");
        }
        assert_eq!(presented(Some("opaque=%%"), None), None);
    }

    #[test]
    fn a_password_may_have_colons_and_a_name_may_not() {
        let read = |text: &str| basic(&format!("basic {}", BASE64.encode(text)));
        assert_eq!(read("anna@office.test:a:b"), Some(("anna@office.test".into(), "a:b".into())));
        assert_eq!(read("anna"), None);
        assert_eq!(read(&format!("{}:p", "x".repeat(MAX_CREDENTIAL + 1))), None);
        assert_eq!(basic("Basic %"), None);
        assert_eq!(basic("Bearer YTpi"), None);
    }
}
