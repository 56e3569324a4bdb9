//! Which networks are the office's own.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use thiserror::Error;

use super::Side;

/// The widest networks that can be somebody's own: all of `10.0.0.0/8`, all of `fc00::/7`.
const WIDEST: (u8, u8) = (8, 7);
/// What is inside until an administrator says otherwise: loopback, private (RFC 1918), link-local and unique
/// local (RFC 4193) addresses.
const DEFAULT: [&str; 8] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

/// A network in the notation of RFC 4632: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no network that can be an office's own.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidNetwork {
    /// Not of this form.
    #[error("`{0}` is not a network such as `192.168.0.0/16` or `fd00::/8`")]
    NotANetwork(String),
    /// Bits that do not count are set: the address of a host, most likely.
    #[error("`{given}` has bits behind its prefix: `{network}` is the network that holds it")]
    HostBits {
        /// As it was written.
        given: String,
        /// What may have been meant.
        network: Network,
    },
    /// Whoever is inside may ask for other names and is believed more than others: never the world.
    #[error("`{0}` is too wide to be an office's own network: at least /8 (IPv4) or /7 (IPv6) is needed")]
    TooWide(Network),
}

impl Network {
    /// Whether `address` lies in it. An IPv4 address written as an IPv6 one counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.prefix) == self.address
    }

    fn is_too_wide(&self) -> bool {
        self.prefix < if self.address.is_ipv4() { WIDEST.0 } else { WIDEST.1 }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    /// Reads `address/bits`, or an address alone, which is a network of one.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let refused = || InvalidNetwork::NotANetwork(text.chars().take(64).collect());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().map_err(|_| refused())?;
        let longest = if written.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) if (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= longest).ok_or_else(refused)?
            }
            Some(_) => return Err(refused()),
            None => longest,
        };
        let (address, prefix) = canonical(written, prefix);
        let network = Self { address: masked(address, prefix), prefix };
        if network.address != address {
            return Err(InvalidNetwork::HostBits { given: text.to_owned(), network });
        }
        if network.is_too_wide() {
            return Err(InvalidNetwork::TooWide(network));
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// A network of IPv4 addresses that is written as one of IPv6 (`::ffff:0:0/96` and longer) is one of IPv4.
fn canonical(address: IpAddr, prefix: u8) -> (IpAddr, u8) {
    match (address, address.to_canonical()) {
        (IpAddr::V6(_), mapped @ IpAddr::V4(_)) if prefix >= 96 => (mapped, prefix - 96),
        _ => (address, prefix),
    }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let (prefix, none) = (u32::from(prefix), 0);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(none);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(none.into());
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

/// The networks whose hosts are inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks(BTreeSet<Network>);

impl Networks {
    /// The side on which an asking host stands.
    pub fn side_of(&self, address: IpAddr) -> Side {
        let inside = self.0.iter().any(|network| network.contains(address));
        if inside { Side::Inside } else { Side::Outside }
    }

    /// Each once, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = Network> {
        self.0.iter().copied()
    }

    /// Whether nobody is inside.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for Networks {
    fn default() -> Self {
        DEFAULT.iter().filter_map(|network| network.parse().ok()).collect()
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn private_addresses_are_inside_by_default() {
        let networks = Networks::default();
        assert_eq!(networks.iter().count(), DEFAULT.len());
        for inside in
            ["127.0.0.1", "10.1.2.3", "192.168.0.9", "169.254.1.1", "::1", "fd00::1", "::ffff:10.0.0.1"]
        {
            assert_eq!(networks.side_of(inside.parse().unwrap()), Side::Inside, "{inside}");
        }
        for outside in ["203.0.113.7", "2001:db8::1", "::ffff:203.0.113.7", "172.32.0.1"] {
            assert_eq!(networks.side_of(outside.parse().unwrap()), Side::Outside, "{outside}");
        }
    }

    #[test]
    fn a_network_ends_where_its_prefix_says() {
        let office = network("198.51.100.64/26");
        for (address, inside) in
            [("198.51.100.63", false), ("198.51.100.64", true), ("198.51.100.128", false)]
        {
            assert_eq!(office.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!(!office.contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn a_host_is_a_network_of_one() {
        assert_eq!(network("192.0.2.7").to_string(), "192.0.2.7/32");
        assert_eq!(network("2001:db8::7").to_string(), "2001:db8::7/128");
        assert_eq!(network("::ffff:10.0.0.0/104"), network("10.0.0.0/8"));
    }

    #[test]
    fn what_is_no_network_of_an_office_is_refused() {
        for bad in
            ["", "/", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/33", "::/129", "10/8", "10.0.0.0/8/8", "office"]
        {
            let refused = bad.parse::<Network>();
            assert!(matches!(refused, Err(InvalidNetwork::NotANetwork(_))), "{bad}: {refused:?}");
        }
        let host = "192.168.1.2/24".parse::<Network>().unwrap_err();
        assert!(host.to_string().contains("`192.168.1.0/24`"), "{host}");
        for wide in ["0.0.0.0/0", "128.0.0.0/1", "::/0", "2000::/3", "::ffff:0:0/96"] {
            let refused = wide.parse::<Network>();
            assert!(matches!(refused, Err(InvalidNetwork::TooWide(_))), "{wide}: {refused:?}");
        }
    }

    fn any_network() -> impl Strategy<Value = Network> {
        let v4 = (any::<u32>(), WIDEST.0..=32).prop_map(|(bits, prefix)| (IpAddr::V4(bits.into()), prefix));
        let v6 = (any::<u128>(), WIDEST.1..=128).prop_map(|(bits, prefix)| (IpAddr::V6(bits.into()), prefix));
        prop_oneof![v4, v6]
            .prop_map(|(address, prefix)| canonical(address, prefix))
            .prop_map(|(address, prefix)| Network { address: masked(address, prefix), prefix })
            .prop_filter("too wide", |network| !network.is_too_wide())
    }

    proptest! {
        #[test]
        fn a_network_reads_back_as_it_was_written(network in any_network()) {
            prop_assert_eq!(network.to_string().parse(), Ok(network));
        }

        #[test]
        fn addresses_that_share_the_prefix_are_in_and_others_are_out(network in any_network(), bits in any::<u128>(), flipped in any::<u8>()) {
            let width = if network.address.is_ipv4() { 32 } else { 128 };
            let host = match network.address {
                IpAddr::V4(v4) => {
                    let free = u32::MAX.checked_shr(network.prefix.into()).unwrap_or(0);
                    IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() | (bits as u32 & free)))
                }
                IpAddr::V6(v6) => {
                    let free = u128::MAX.checked_shr(network.prefix.into()).unwrap_or(0);
                    IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() | (bits & free)))
                }
            };
            prop_assume!(host.to_canonical().is_ipv4() == network.address.is_ipv4());
            prop_assert!(network.contains(host));
            let flip = u32::from(width - 1 - flipped % network.prefix);
            let other = match host {
                IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() ^ 1 << flip)),
                IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() ^ 1 << flip)),
            };
            prop_assert!(!network.contains(other));
        }

        #[test]
        fn no_text_brings_the_reader_down(text in "([0-9a-f.:/]|\\PC){0,40}") {
            let _ = text.parse::<Network>();
        }
    }
}
