//! Who is asked for the names of others.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

/// The port on which DNS is served (RFC 1035 §4.2).
pub const DNS_PORT: u16 = 53;

/// The text is not where a DNS server is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not the address of a DNS server, such as `192.168.1.1`, `192.168.1.1:5353` or `[fd00::1]:53`"
)]
pub struct InvalidResolver(String);

/// Reads an address with a port, or one without: the port is then that of DNS.
///
/// # Errors
/// [`InvalidResolver`]
pub fn parse_resolver(text: &str) -> Result<SocketAddr, InvalidResolver> {
    let alone = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS_PORT));
    let resolver =
        alone.ok().or_else(|| text.parse().ok().filter(|resolver: &SocketAddr| resolver.port() != 0));
    resolver.ok_or_else(|| InvalidResolver(text.chars().take(64).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_that_of_dns_unless_it_is_given() {
        for (text, resolver) in [
            ("192.0.2.1", "192.0.2.1:53"),
            ("192.0.2.1:5353", "192.0.2.1:5353"),
            ("2001:db8::1", "[2001:db8::1]:53"),
            ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
        ] {
            assert_eq!(parse_resolver(text).unwrap().to_string(), resolver);
        }
        for bad in ["", "resolver.example", "192.0.2.1:0", "192.0.2.1:", "[2001:db8::1]"] {
            assert!(parse_resolver(bad).is_err(), "{bad}");
        }
    }
}
