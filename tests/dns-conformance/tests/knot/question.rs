//! Questions by chance: names that exist, above, below and beside them, and others; types and classes of all kinds.

use std::fmt;

/// Labels that are put before or in the place of others.
const LABELS: [&[u8]; 12] =
    [b"a", b"b", b"x", b"*", b"www", b"gone", b"ns", b"ent", b"_tcp", b"some", b"host", b"\0\xff"];
/// Names of others, and such as look like ours.
const OTHERS: [&[&[u8]]; 7] = [
    &[],
    &[b"test"],
    &[b"example", b"org"],
    &[b"notrich", b"test"],
    &[b"rich", b"test", b"example"],
    &[b"rich"],
    &[b"www", b"branch", b"test"],
];
/// Types that zones hold, those that only questions and messages have, and one that nobody knows.
const TYPES: [u16; 48] = [
    1, 1, 1, 1, 2, 2, 5, 5, 6, 6, 12, 13, 15, 15, 16, 16, 16, 17, 18, 28, 28, 29, 33, 33, 35, 39, 39, 43, 43,
    44, 46, 47, 48, 50, 51, 52, 59, 61, 64, 65, 99, 256, 257, 65280, 255, 255, 41, 0,
];
/// TKEY, TSIG, transfers and the obsolete mailbox types.
const META: [u16; 6] = [249, 250, 251, 252, 253, 254];
const CLASSES: [u16; 5] = [0, 3, 4, 254, 255];
const PAYLOADS: [u16; 12] = [0, 511, 512, 513, 600, 800, 1000, 1231, 1232, 1233, 4096, 65535];

/// A generator whose numbers follow from the seed (splitmix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// True once in so many times.
    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) labels: Vec<Vec<u8>>,
    pub(crate) record_type: u16,
    pub(crate) class: u16,
    pub(crate) recursion_desired: bool,
    /// AD and CD, in the second byte of flags.
    pub(crate) flags: u8,
    pub(crate) edns: Option<Edns>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edns {
    pub(crate) payload: u16,
    version: u8,
    dnssec_ok: bool,
    /// Whether there is an option that nobody knows.
    option: bool,
}

impl Question {
    pub(crate) fn soa(name: &str) -> Self {
        let labels = name.split('.').map(|label| label.as_bytes().to_vec()).collect();
        Self { labels, record_type: 6, class: 1, recursion_desired: false, flags: 0, edns: None }
    }

    pub(crate) fn by_chance(owners: &[Vec<Vec<u8>>], chance: &mut Chance) -> Self {
        let record_type = match chance.below(100) {
            0..2 => chance.pick(&META),
            2..4 => chance.next() as u16,
            _ => chance.pick(&TYPES),
        };
        let edns = !chance.one_in(3);
        Self {
            labels: name(owners, chance),
            record_type,
            class: if chance.one_in(60) { chance.pick(&CLASSES) } else { 1 },
            recursion_desired: chance.one_in(2),
            flags: chance.pick(&[0, 0, 0x10, 0x20, 0x30]),
            edns: edns.then(|| Edns {
                payload: chance.pick(&PAYLOADS),
                version: u8::from(chance.one_in(60)),
                dnssec_ok: chance.one_in(2),
                option: chance.one_in(20),
            }),
        }
    }

    pub(crate) fn bytes(&self, id: u16) -> Vec<u8> {
        let mut bytes = id.to_be_bytes().to_vec();
        bytes.extend([u8::from(self.recursion_desired), self.flags, 0, 1, 0, 0, 0, 0, 0]);
        bytes.push(u8::from(self.edns.is_some()));
        bytes.extend(wire(&self.labels));
        bytes.extend(self.record_type.to_be_bytes());
        bytes.extend(self.class.to_be_bytes());
        if let Some(Edns { payload, version, dnssec_ok, option }) = self.edns {
            bytes.extend([0, 0, 41]);
            bytes.extend(payload.to_be_bytes());
            bytes.extend([0, version, u8::from(dnssec_ok) << 7, 0]);
            bytes.extend(if option { &[0, 6, 0xfd, 0xe9, 0, 2, 1, 2][..] } else { &[0, 0] });
        }
        bytes
    }

    /// The name in lower case, in wire form.
    pub(crate) fn name(&self) -> Vec<u8> {
        wire(&self.labels).to_ascii_lowercase()
    }

    pub(crate) fn set_name(&mut self, mut wire: &[u8]) {
        self.labels.clear();
        while wire[0] != 0 {
            let (label, rest) = wire[1..].split_at(wire[0].into());
            self.labels.push(label.to_vec());
            wire = rest;
        }
    }

    /// The longest answer by UDP (RFC 6891 §6.2.5, and what the servers send at most).
    pub(crate) fn limit(&self) -> usize {
        self.edns.map_or(512, |edns| usize::from(edns.payload.clamp(512, 1232)))
    }
}

/// A name in wire form.
pub(crate) fn wire(labels: &[Vec<u8>]) -> Vec<u8> {
    let labels =
        labels.iter().flat_map(|label| std::iter::once(label.len() as u8).chain(label.iter().copied()));
    labels.chain([0]).collect()
}

fn name(owners: &[Vec<Vec<u8>>], chance: &mut Chance) -> Vec<Vec<u8>> {
    let mut labels = owners[chance.below(owners.len())].clone();
    match chance.below(20) {
        0..9 => {}
        9..14 => {
            for _ in 0..=chance.below(3) {
                labels.insert(0, chance.pick(&LABELS).to_vec());
            }
        }
        14..16 => drop(labels.drain(..chance.below(labels.len()))),
        16..18 => labels[0] = chance.pick(&LABELS).to_vec(),
        18 => labels.insert(0, vec![b'y'; 1 + chance.below(63)]),
        _ => labels = chance.pick(&OTHERS).iter().map(|label| label.to_vec()).collect(),
    }
    while labels.iter().map(|label| label.len() + 1).sum::<usize>() > 254 {
        labels.remove(0);
    }
    if chance.one_in(3) {
        for byte in labels.iter_mut().flatten().filter(|byte| byte.is_ascii_alphabetic()) {
            *byte ^= if chance.one_in(2) { 0x20 } else { 0 };
        }
    }
    labels
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<_> = self.labels.iter().map(|label| label.escape_ascii().to_string()).collect();
        let Self { record_type, class, recursion_desired, flags, edns, .. } = self;
        write!(f, "{}. class {class} type {record_type}", labels.join("."))?;
        write!(f, " rd {recursion_desired} flags {flags:#x} {edns:?}")
    }
}
