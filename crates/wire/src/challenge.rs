//! The refusal that tells a client where tickets are to be had, and how tickets come back.

use crate::Secret;

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
        format!(r#"MsRtcOAuth href="{}",grant_type="password""#, self.oauth_url)
    }

    /// The challenge in the headers of a 401; `None` when it names no OAuth endpoint or no ticket service.
    pub fn read(ticket_url: Option<&str>, www_authenticate: Option<&str>) -> Option<Self> {
        let parameters = www_authenticate?.trim().strip_prefix("MsRtcOAuth ")?;
        let href = parameters.split(',').find_map(|p| p.trim().strip_prefix("href="))?;
        Some(Self { ticket_url: ticket_url?.into(), oauth_url: href.trim_matches('"').into() })
    }
}

/// The value of `X-Ms-diagnostics`: a number of [MS-OCER], which server says it, and why.
pub fn diagnostics(id: u32, source: &str, reason: &str) -> String {
    format!(r#"{id};source="{source}";reason="{reason}""#)
}

/// The ticket in the value of `X-MS-WebTicket` (`cwt=…`) or of `Authorization` (`Bearer cwt=…`).
///
/// `None` when neither header has one. What stands behind `cwt=` is not looked at.
pub fn presented(ticket: Option<&str>, authorization: Option<&str>) -> Option<Secret> {
    let bearer = authorization.map(str::trim).and_then(|value| match value.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => Some(rest),
        _ => None,
    });
    let compact = |value: &str| value.trim().strip_prefix("cwt=").map(Secret::from);
    ticket.and_then(compact).or_else(|| bearer.and_then(compact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_reads_back() {
        let challenge = Challenge::at("https://web.office.test:8443");
        let read = Challenge::read(Some(&challenge.ticket_url), Some(&challenge.www_authenticate()));
        assert_eq!(read, Some(challenge));
        assert_eq!(Challenge::read(Some("x"), Some("Basic realm=\"x\"")), None);
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
}
