//! Writing a response straight into the buffer that is sent.

use crate::{
    name::WireName,
    query::{Edns, HEADER, Header},
    zone::{RrSet, TYPE_CNAME},
};

/// The longest UDP message that we send and ask for: it is never fragmented on the way.
pub(crate) const UDP_PAYLOAD: u16 = 1232;
/// The longest message over UDP without EDNS (RFC 1035 §4.2.1).
pub(crate) const PLAIN_UDP: u16 = 512;
/// Bytes of an OPT record without options, and of an option without its data.
const OPT: usize = 11;
const OPTION: usize = 4;
const CLASS_IN: [u8; 2] = [0, 1];

/// The codes that are used (RFC 1035 §4.1.1, RFC 2136 §2.2, RFC 6891 §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rcode {
    NoError = 0,
    FormErr = 1,
    ServFail = 2,
    NxDomain = 3,
    NotImp = 4,
    Refused = 5,
    YxDomain = 6,
    /// Not the server of that zone, or a signature that is worth nothing (RFC 8945 §5.2).
    NotAuth = 9,
    BadVers = 16,
    BadCookie = 23,
}

/// What the OPT record of a response says beside the longest message (RFC 6891 §6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opt {
    pub(crate) dnssec_ok: bool,
    /// The client's cookie and the server's (RFC 7873 §4).
    pub(crate) cookie: Option<[u8; 24]>,
    /// Why there is no better answer (RFC 8914).
    pub(crate) extended_error: Option<u16>,
}

impl From<Edns> for Opt {
    fn from(edns: Edns) -> Self {
        Self { dnssec_ok: edns.dnssec_ok, ..Self::default() }
    }
}

impl Opt {
    fn size(&self) -> usize {
        let cookie = self.cookie.map_or(0, |cookie| OPTION + cookie.len());
        let extended_error = self.extended_error.map_or(0, |_| OPTION + 2);
        OPT + cookie + extended_error
    }

    /// Adds the record.
    pub(crate) fn write(&self, rcode: Rcode, out: &mut Vec<u8>) {
        let extended = (rcode as u16 >> 4) as u8;
        let [high, low] = UDP_PAYLOAD.to_be_bytes();
        let flags = if self.dnssec_ok { 0x80 } else { 0 };
        // Thirty-four at most.
        let options = (self.size() - OPT) as u8;
        out.extend([0, 0, 41, high, low, extended, 0, flags, 0, 0, options]);
        if let Some(cookie) = self.cookie {
            out.extend([0, 10, 0, cookie.len() as u8]);
            out.extend(cookie);
        }
        if let Some(code) = self.extended_error {
            out.extend([0, 15, 0, 2]);
            out.extend(code.to_be_bytes());
        }
    }
}

/// The sections that records go to.
#[derive(Clone, Copy)]
pub(crate) enum Section {
    Answer,
    Authority,
    Additional,
}

/// There is no room for another record.
#[derive(Debug)]
pub(crate) struct Full;

/// A response in the making. Records are added section after section.
pub(crate) struct Response<'a> {
    out: &'a mut Vec<u8>,
    limit: usize,
    question: Option<(&'a WireName, usize)>,
    edns: Option<Opt>,
    counts: [u16; 3],
    rcode: Rcode,
    authoritative: bool,
    truncated: bool,
    recursion_available: bool,
    checking_disabled: bool,
}

/// A point to which a response can be taken back.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    length: usize,
    counts: [u16; 3],
}

impl<'a> Response<'a> {
    /// Begins with the header and, where there is one, the question as it was written. `limit` bounds all of it.
    pub(crate) fn begin(
        out: &'a mut Vec<u8>,
        header: &Header,
        question: Option<(&'a WireName, &[u8])>,
        edns: Option<Opt>,
        limit: usize,
    ) -> Self {
        out.clear();
        let flags = 0x80 | header.opcode << 3 | u8::from(header.recursion_desired);
        out.extend([header.id[0], header.id[1], flags, 0, 0, u8::from(question.is_some()), 0, 0, 0, 0, 0, 0]);
        out.extend(question.map_or(&[][..], |(_, written)| written));
        let limit = limit - edns.map_or(0, |opt| opt.size());
        let question = question.map(|(name, _)| (name, out.len()));
        Self {
            out,
            limit,
            question,
            edns,
            counts: [0; 3],
            rcode: Rcode::NoError,
            authoritative: false,
            truncated: false,
            recursion_available: false,
            checking_disabled: false,
        }
    }

    pub(crate) fn set_rcode(&mut self, rcode: Rcode) {
        self.rcode = rcode;
    }

    pub(crate) fn set_authoritative(&mut self) {
        self.authoritative = true;
    }

    pub(crate) fn set_recursion_available(&mut self, available: bool) {
        self.recursion_available = available;
    }

    pub(crate) fn set_checking_disabled(&mut self, disabled: bool) {
        self.checking_disabled = disabled;
    }

    /// Leaves only the question: whoever asked asks again over TCP (RFC 2181 §9).
    pub(crate) fn truncate(&mut self) {
        self.out.truncate(self.question.map_or(HEADER, |(_, end)| end));
        self.counts = [0; 3];
        self.truncated = true;
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { length: self.out.len(), counts: self.counts }
    }

    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
        self.counts = mark.counts;
    }

    /// Whether the client wants signatures and proofs (RFC 3225).
    pub(crate) fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|opt| opt.dnssec_ok)
    }

    /// Adds a record set under this owner, with its signature where the client wants it. That of an additional
    /// set is left out where it does not fit (RFC 4035 §3.1.1).
    pub(crate) fn add(&mut self, section: Section, owner: &WireName, set: &RrSet) -> Result<(), Full> {
        set.records.iter().try_for_each(|record| self.add_record(section, owner, record))?;
        let Some(signature) = set.signature.as_ref().filter(|_| self.dnssec_ok()) else { return Ok(()) };
        let before = self.mark();
        match (section, self.add_record(section, owner, signature)) {
            (Section::Additional, Err(Full)) => {
                self.rewind(before);
                Ok(())
            }
            (_, added) => added,
        }
    }

    /// Adds one record, of which `record` is all that follows the owner.
    pub(crate) fn add_record(
        &mut self,
        section: Section,
        owner: &WireName,
        record: &[u8],
    ) -> Result<(), Full> {
        self.owner(owner);
        self.out.extend_from_slice(record);
        self.count(section)
    }

    /// Adds records of all sections as they stood behind the same question in another message.
    pub(crate) fn add_written(&mut self, records: &[u8], counts: [u16; 3]) -> Result<(), Full> {
        self.out.extend_from_slice(records);
        self.counts = counts;
        if self.out.len() > self.limit { Err(Full) } else { Ok(()) }
    }

    /// Bytes so far.
    pub(crate) fn length(&self) -> usize {
        self.out.len()
    }

    /// Adds an alias that is in no zone.
    pub(crate) fn add_cname(&mut self, owner: &WireName, ttl: u32, target: &WireName) -> Result<(), Full> {
        self.owner(owner);
        self.out.extend(TYPE_CNAME.to_be_bytes());
        self.out.extend(CLASS_IN);
        self.out.extend(ttl.to_be_bytes());
        self.out.extend([0, target.as_bytes().len() as u8]);
        self.out.extend_from_slice(target.as_bytes());
        self.count(Section::Answer)
    }

    fn count(&mut self, section: Section) -> Result<(), Full> {
        self.counts[section as usize] += 1;
        if self.out.len() > self.limit { Err(Full) } else { Ok(()) }
    }

    /// Writes a name; what it has in common with the end of the question is a pointer there.
    fn owner(&mut self, name: &WireName) {
        let key = name.key();
        if let Some((question, _)) = self.question {
            let asked = question.key();
            for labels in (1..=name.labels()).rev() {
                let start = name.start_of_last(labels);
                let Some(offset) = asked.len().checked_sub(key.len() - start) else { continue };
                if asked[offset..] == key[start..] && question.is_boundary(offset) {
                    self.out.extend_from_slice(&name.as_bytes()[..start]);
                    // A question begins at byte 12 and has 255 at most: the offset fits.
                    self.out.extend((0xc000 | (HEADER + offset) as u16).to_be_bytes());
                    return;
                }
            }
        }
        self.out.extend_from_slice(name.as_bytes());
    }

    /// Completes the header and, where the client spoke EDNS, adds the OPT record.
    pub(crate) fn finish(mut self) -> Rcode {
        let mut additional = self.counts[2];
        if let Some(opt) = self.edns {
            opt.write(self.rcode, self.out);
            additional += 1;
        }
        self.out[2] |= u8::from(self.authoritative) << 2 | u8::from(self.truncated) << 1;
        let flags = u8::from(self.recursion_available) << 7 | u8::from(self.checking_disabled) << 4;
        self.out[3] = flags | self.rcode as u8 & 0x0f;
        self.counts[2] = additional;
        for (count, at) in self.counts.into_iter().zip([6, 8, 10]) {
            self.out[at..at + 2].copy_from_slice(&count.to_be_bytes());
        }
        self.rcode
    }
}
