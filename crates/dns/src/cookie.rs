//! DNS cookies (RFC 7873) in the form that servers of different makers understand (RFC 9018).
//!
//! A server cookie proves that its holder receives what is sent to its address, which a forged source does not.
//! Nothing is kept about a client: the cookie is a keyed hash of its address and its own cookie. The key is made
//! at start and changed once a day; cookies made with the one before are taken as long as they would be anyway.

use std::net::IpAddr;

use arc_swap::ArcSwap;
use fulmar_domain::zone::Serial;
use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

use crate::siphash::{self, Key};

/// The cookie that a client chose.
pub(crate) type ClientCookie = [u8; 8];
/// A cookie in the form of RFC 9018 §4: version, three reserved bytes, time, hash.
pub(crate) type ServerCookie = [u8; 16];

const VERSION: u8 = 1;
/// How old a cookie may be, and how far ahead of our clock, in seconds (RFC 9018 §4.3).
const MAX_AGE: u32 = 3600;
const MAX_AHEAD: u32 = 300;
/// The age from which a client gets a new one (RFC 9018 §4.3).
const RENEW_AGE: u32 = MAX_AGE / 2;
/// How long a key is used.
const KEY_LIFE: u32 = 24 * 3600;

/// The system gives no random numbers.
#[derive(Clone, Copy, Debug, Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;

/// The cookies that a client shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) client: ClientCookie,
    pub(crate) server: ShownServer,
}

/// The server's part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShownServer {
    /// The client has none yet.
    Nothing,
    /// It has the length of ours.
    Cookie(ServerCookie),
    /// It can not be ours.
    Other,
}

/// What a client's cookies prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has no server cookie.
    New,
    /// It receives what is sent to its address.
    Proven,
    /// Nothing: the server cookie is wrong, too old or another's.
    Wrong,
}

/// Makes and checks server cookies.
pub(crate) struct Cookies {
    keys: ArcSwap<Keys>,
    random: SystemRandom,
}

struct Keys {
    current: Key,
    previous: Key,
    /// When the current key was made, in seconds since 1970.
    since: u32,
}

impl Cookies {
    pub(crate) fn new(now: u32) -> Result<Self, NoRandomness> {
        let random = SystemRandom::new();
        let keys = Keys { current: new_key(&random)?, previous: new_key(&random)?, since: now };
        Ok(Self { keys: ArcSwap::from_pointee(keys), random })
    }

    /// What a client's cookies prove, and the two cookies that belong into the response.
    pub(crate) fn check(&self, shown: Shown, source: IpAddr, now: u32) -> (Standing, [u8; 24]) {
        self.change_key(now);
        let keys = self.keys.load();
        let (standing, server) = match shown.server {
            ShownServer::Nothing => (Standing::New, None),
            ShownServer::Other => (Standing::Wrong, None),
            ShownServer::Cookie(cookie) => match keys.age(&shown.client, &cookie, source, now) {
                None => (Standing::Wrong, None),
                Some(age) => (Standing::Proven, (age < RENEW_AGE).then_some(cookie)),
            },
        };
        let server = server.unwrap_or_else(|| made(&keys.current, &shown.client, source, now));
        let mut both = [0; 24];
        both[..8].copy_from_slice(&shown.client);
        both[8..].copy_from_slice(&server);
        (standing, both)
    }

    /// Without random numbers the old key is used on.
    fn change_key(&self, now: u32) {
        let keys = self.keys.load();
        if now.wrapping_sub(keys.since) >= KEY_LIFE
            && let Ok(current) = new_key(&self.random)
        {
            // Of two that come at once, one changes the key and the other leaves it.
            let next = Keys { current, previous: keys.current, since: now };
            self.keys.compare_and_swap(&keys, next.into());
        }
    }
}

impl Keys {
    /// The age of a cookie in seconds, if it is one of ours and may still be used; 0 where it is ahead.
    fn age(&self, client: &ClientCookie, cookie: &ServerCookie, source: IpAddr, now: u32) -> Option<u32> {
        let made_at = u32::from_be_bytes([cookie[4], cookie[5], cookie[6], cookie[7]]);
        let ahead = Serial(made_at).is_newer_than(Serial(now));
        let (age, limit) = match ahead {
            true => (made_at.wrapping_sub(now), MAX_AHEAD),
            false => (now.wrapping_sub(made_at), MAX_AGE),
        };
        let is_ours = |key| same(&made(key, client, source, made_at), cookie);
        let valid = age <= limit && (is_ours(&self.current) || is_ours(&self.previous));
        valid.then_some(if ahead { 0 } else { age })
    }
}

fn new_key(random: &SystemRandom) -> Result<Key, NoRandomness> {
    let mut key = Key::default();
    random.fill(&mut key).map(|()| key).map_err(|_| NoRandomness)
}

/// The server cookie of a client (RFC 9018 §4.4).
fn made(key: &Key, client: &ClientCookie, source: IpAddr, now: u32) -> ServerCookie {
    let mut hashed = [0; 32];
    hashed[..8].copy_from_slice(client);
    hashed[8] = VERSION;
    hashed[12..16].copy_from_slice(&now.to_be_bytes());
    let length = match source.to_canonical() {
        IpAddr::V4(v4) => {
            hashed[16..20].copy_from_slice(&v4.octets());
            20
        }
        IpAddr::V6(v6) => {
            hashed[16..].copy_from_slice(&v6.octets());
            32
        }
    };
    let mut cookie = ServerCookie::default();
    cookie[..8].copy_from_slice(&hashed[8..16]);
    cookie[8..].copy_from_slice(&siphash::hash(key, &hashed[..length]));
    cookie
}

/// Compares without telling by its time where two cookies differ.
fn same(a: &ServerCookie, b: &ServerCookie) -> bool {
    u128::from_ne_bytes(*a) ^ u128::from_ne_bytes(*b) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: ClientCookie = [0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57];
    const NOW: u32 = 1_559_731_985;

    fn source() -> IpAddr {
        "198.51.100.100".parse().unwrap()
    }

    fn shown(server: ServerCookie) -> Shown {
        Shown { client: CLIENT, server: ShownServer::Cookie(server) }
    }

    /// A cookie as a client gets it, and the one after it.
    fn given(cookies: &Cookies, shown: Shown, source: IpAddr, now: u32) -> (Standing, ServerCookie) {
        let (standing, both) = cookies.check(shown, source, now);
        assert_eq!(both[..8], CLIENT);
        (standing, *both.last_chunk().unwrap())
    }

    fn first(cookies: &Cookies) -> ServerCookie {
        let (standing, cookie) =
            given(cookies, Shown { client: CLIENT, server: ShownServer::Nothing }, source(), NOW);
        assert_eq!(standing, Standing::New);
        cookie
    }

    #[test]
    fn the_example_of_rfc_9018_appendix_a_1_holds() {
        let key =
            [0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f, 0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf];
        let cookie = made(&key, &CLIENT, source(), NOW);
        let expected = [1, 0, 0, 0, 0x5c, 0xf7, 0x9f, 0x11, 0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80];
        assert_eq!(cookie, expected);
    }

    #[test]
    fn a_cookie_proves_the_address_that_it_was_given_to() {
        let cookies = Cookies::new(NOW).unwrap();
        let cookie = first(&cookies);
        assert_eq!(given(&cookies, shown(cookie), source(), NOW + 1), (Standing::Proven, cookie));
        let elsewhere = "198.51.100.101".parse().unwrap();
        assert_eq!(given(&cookies, shown(cookie), elsewhere, NOW + 1).0, Standing::Wrong);
        let other_client = Shown { client: [1; 8], ..shown(cookie) };
        assert_eq!(cookies.check(other_client, source(), NOW + 1).0, Standing::Wrong);
        let not_ours = Shown { server: ShownServer::Other, ..shown(cookie) };
        assert_eq!(given(&cookies, not_ours, source(), NOW + 1).0, Standing::Wrong);
    }

    #[test]
    fn a_mapped_address_is_the_address() {
        let cookies = Cookies::new(NOW).unwrap();
        let cookie = first(&cookies);
        let mapped = "::ffff:198.51.100.100".parse().unwrap();
        assert_eq!(given(&cookies, shown(cookie), mapped, NOW).0, Standing::Proven);
    }

    #[test]
    fn no_bit_of_a_cookie_can_be_changed() {
        let cookies = Cookies::new(NOW).unwrap();
        let cookie = u128::from_be_bytes(first(&cookies));
        for bit in 0..128 {
            let changed = (cookie ^ 1 << bit).to_be_bytes();
            assert_eq!(given(&cookies, shown(changed), source(), NOW).0, Standing::Wrong, "bit {bit}");
        }
    }

    #[test]
    fn cookies_are_renewed_after_half_an_hour_and_end_after_one() {
        let cookies = Cookies::new(NOW).unwrap();
        let cookie = first(&cookies);
        let at = |seconds: u32| given(&cookies, shown(cookie), source(), NOW.wrapping_add(seconds));
        assert_eq!(at(RENEW_AGE - 1), (Standing::Proven, cookie));
        let (standing, renewed) = at(RENEW_AGE);
        assert!(standing == Standing::Proven && renewed != cookie);
        assert_eq!(at(MAX_AGE).0, Standing::Proven);
        assert_eq!(at(MAX_AGE + 1).0, Standing::Wrong);
        assert_eq!(at(MAX_AHEAD.wrapping_neg()), (Standing::Proven, cookie));
        assert_eq!(at((MAX_AHEAD + 1).wrapping_neg()).0, Standing::Wrong);
    }

    #[test]
    fn a_new_key_takes_the_cookies_of_the_one_before_and_no_older_ones() {
        let cookies = Cookies::new(NOW - KEY_LIFE + 60).unwrap();
        let cookie = first(&cookies);
        let before = cookies.keys.load().current;
        assert_eq!(given(&cookies, shown(cookie), source(), NOW + 60).0, Standing::Proven);
        assert!(cookies.keys.load().previous == before && cookies.keys.load().current != before);
        let old = cookies.keys.load_full();
        cookies.change_key(NOW + KEY_LIFE + 60);
        assert!(cookies.keys.load().previous == old.current);
        let forged = made(&before, &CLIENT, source(), NOW + KEY_LIFE + 60);
        assert_eq!(given(&cookies, shown(forged), source(), NOW + KEY_LIFE + 60).0, Standing::Wrong);
    }

    #[test]
    fn two_boxes_have_different_keys() {
        assert_ne!(first(&Cookies::new(NOW).unwrap()), first(&Cookies::new(NOW).unwrap()));
    }
}
