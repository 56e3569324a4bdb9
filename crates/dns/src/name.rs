//! Domain names as they stand in messages (RFC 1035 §3.1), without allocation.

/// The longest name, with its lengths and its root (RFC 1035 §2.3.4).
pub(crate) const MAX_NAME: usize = 255;
/// The most labels that fit into one, the root not counted.
const MAX_LABELS: usize = 127;

/// A name as it was written, and in lower case for comparing. Compression is not part of it.
#[derive(Clone)]
pub(crate) struct WireName {
    written: [u8; MAX_NAME],
    lower: [u8; MAX_NAME],
    length: u8,
    /// Where each label begins.
    starts: [u8; MAX_LABELS],
    labels: u8,
}

/// The bytes are no name, or too long for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAName;

impl WireName {
    /// The uncompressed name at the beginning of `bytes`; what follows it is not looked at.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, NotAName> {
        let mut name = Self {
            written: [0; MAX_NAME],
            lower: [0; MAX_NAME],
            length: 0,
            starts: [0; MAX_LABELS],
            labels: 0,
        };
        let mut at = 0;
        loop {
            let length = usize::from(*bytes.get(at).ok_or(NotAName)?);
            if length == 0 {
                break;
            }
            // Longer than 63 is a pointer or a kind of label that was never used (RFC 1035 §4.1.4).
            if length > 63 || at + length + 2 > MAX_NAME {
                return Err(NotAName);
            }
            *name.starts.get_mut(usize::from(name.labels)).ok_or(NotAName)? = at as u8;
            name.labels += 1;
            at += length + 1;
        }
        name.length = at as u8 + 1;
        name.written[..=at].copy_from_slice(&bytes[..=at]);
        // Lengths are at most 63: none of them is a letter.
        name.lower[..=at].copy_from_slice(&bytes[..=at]);
        name.lower[..=at].make_ascii_lowercase();
        Ok(name)
    }

    /// The name as it was written.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.written[..usize::from(self.length)]
    }

    /// The name in lower case.
    pub(crate) fn key(&self) -> &[u8] {
        &self.lower[..usize::from(self.length)]
    }

    /// How many labels it has, the root not counted.
    pub(crate) fn labels(&self) -> usize {
        usize::from(self.labels)
    }

    /// Where the last `labels` labels begin.
    pub(crate) fn start_of_last(&self, labels: usize) -> usize {
        match self.labels().checked_sub(labels) {
            Some(skipped) if labels > 0 => usize::from(self.starts[skipped]),
            _ => usize::from(self.length) - 1,
        }
    }

    /// The last `labels` labels in lower case: the ancestor of that depth.
    pub(crate) fn ancestor(&self, labels: usize) -> &[u8] {
        &self.key()[self.start_of_last(labels)..]
    }

    /// Whether a label begins at this offset.
    pub(crate) fn is_boundary(&self, offset: usize) -> bool {
        self.starts[..self.labels()].iter().any(|start| usize::from(*start) == offset)
    }

    /// The name as people write it, in lower case, without the last dot; what is not printable is escaped
    /// (RFC 1035 §5.1).
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (i, start) in self.starts[..self.labels()].iter().map(|start| usize::from(*start)).enumerate() {
            if i > 0 {
                text.push('.');
            }
            for byte in &self.lower[start + 1..=start + usize::from(self.lower[start])] {
                match byte {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                        text.extend(['\\', char::from(*byte)]);
                    }
                    0x21..=0x7e => text.push(char::from(*byte)),
                    _ => text.push_str(&format!("\\{byte:03}")),
                }
            }
        }
        if text.is_empty() { String::from(".") } else { text }
    }

    /// This name with its last `labels` labels replaced by `target`.
    pub(crate) fn with_ancestor(&self, labels: usize, target: &[u8]) -> Result<Self, NotAName> {
        let prefix = self.start_of_last(labels);
        let mut bytes = [0; MAX_NAME];
        let end = prefix + target.len();
        bytes[..prefix].copy_from_slice(&self.written[..prefix]);
        bytes.get_mut(prefix..end).ok_or(NotAName)?.copy_from_slice(target);
        Self::read(&bytes[..end])
    }
}

/// A whole name and those above it, the root last.
pub(crate) fn and_above(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(name), |name| match name.first() {
        Some(0) | None => None,
        Some(length) => name.get(1 + usize::from(*length)..),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &[u8] = b"\x03wWw\x06Office\x04test\0rest";

    #[test]
    fn a_name_knows_its_ancestors() {
        let name = WireName::read(NAME).unwrap();
        assert_eq!(name.as_bytes(), b"\x03wWw\x06Office\x04test\0");
        assert_eq!(name.ancestor(2), b"\x06office\x04test\0");
        assert_eq!(name.ancestor(0), b"\0");
        assert_eq!(name.ancestor(3), name.key());
        assert!(name.is_boundary(4) && !name.is_boundary(5));
        let all: Vec<_> = and_above(name.key()).collect();
        assert_eq!(all, [name.key(), name.ancestor(2), name.ancestor(1), name.ancestor(0)]);
    }

    #[test]
    fn a_name_is_printed_so_that_it_can_be_read_again() {
        assert_eq!(WireName::read(NAME).unwrap().text(), "www.office.test");
        assert_eq!(WireName::read(b"\x04a.\\\x07\x01*\0").unwrap().text(), r"a\.\\\007.*");
        assert_eq!(WireName::read(b"\0").unwrap().text(), ".");
    }

    #[test]
    fn an_ancestor_can_be_replaced() {
        let name = WireName::read(NAME).unwrap();
        let moved = name.with_ancestor(2, b"\x03new\0").unwrap();
        assert_eq!(moved.as_bytes(), b"\x03wWw\x03new\0");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long: Vec<u8> = [63; 64].repeat(4).into_iter().chain([0]).collect();
        for bad in [&b""[..], b"\x03ww", b"\xc0\x0c", b"\x40a", &long] {
            assert!(WireName::read(bad).is_err(), "{bad:?}");
        }
        let longest: Vec<u8> = [1, b'a'].repeat(127).into_iter().chain([0]).collect();
        assert_eq!(WireName::read(&longest).unwrap().labels(), 127);
        let too_long: Vec<u8> = [1, b'a'].repeat(128).into_iter().chain([0]).collect();
        assert!(WireName::read(&too_long).is_err());
    }
}
