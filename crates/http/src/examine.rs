//! Looks at a certificate before it is used: what it covers, whether its chain is whole and in order, whether the
//! key is its own, and whether phones take it.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::{certificate::X509Certificate, parse_x509_certificate};

use crate::{
    authority::Leaf,
    details::{Details, KeyKind, stands_for},
    tls::certified_key,
};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A certificate that ends sooner is worth a word.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);
/// Phones refuse certificates that live longer.
const LONGEST_LIFE: Duration = Duration::from_secs(398 * 24 * 3600);

/// What was found.
pub struct Examination {
    /// Of the certificate itself; `None` when there is none that can be read.
    pub details: Option<Details>,
    /// The subjects from the certificate upwards, as they would be shown.
    pub chain: Vec<String>,
    /// Wanted names that it covers.
    pub covered: BTreeSet<String>,
    /// Wanted names that it does not cover.
    pub missing: BTreeSet<String>,
    /// Its names that stand for no wanted one.
    pub superfluous: BTreeSet<String>,
    /// Everything that is worth a word, the worst first.
    pub findings: Vec<Finding>,
    /// The certificate with its chain in order and its key; `None` when something is fatal.
    pub usable: Option<Leaf>,
}

/// Something that is worth a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub text: String,
    /// What to do about it.
    pub advice: &'static str,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It can not be used.
    Fatal,
    /// Some phones will not get through.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fatal => "fatal",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl Examination {
    /// What keeps it from being used.
    pub fn fatal(&self) -> impl Iterator<Item = &str> {
        let fatal = self.findings.iter().filter(|finding| finding.severity == Severity::Fatal);
        fatal.map(|finding| finding.text.as_str())
    }

    fn find(&mut self, severity: Severity, text: impl Into<String>, advice: &'static str) {
        self.findings.push(Finding { severity, text: text.into(), advice });
    }
}

/// Looks at a chain and a key, both PEM, that are to be shown for the `wanted` names. Nothing is changed by it.
pub fn examine(chain_pem: &str, key_pem: &str, wanted: &BTreeSet<String>, now: SystemTime) -> Examination {
    let mut found = Examination {
        details: None,
        chain: Vec::new(),
        covered: BTreeSet::new(),
        missing: wanted.clone(),
        superfluous: BTreeSet::new(),
        findings: Vec::new(),
        usable: None,
    };
    let given: Vec<CertificateDer<'_>> =
        CertificateDer::pem_slice_iter(chain_pem.as_bytes()).filter_map(Result::ok).collect();
    let parsed: Vec<X509Certificate<'_>> =
        given.iter().filter_map(|der| Some(parse_x509_certificate(der).ok()?.1)).collect();
    if parsed.is_empty() || parsed.len() != given.len() {
        let advice =
            "Give the certificate and its chain as PEM, with `-----BEGIN CERTIFICATE-----` before each.";
        found.find(Severity::Fatal, "there is no certificate that can be read", advice);
        return found;
    }
    let (order, leaf) = order(&parsed, &given, key_pem);
    let details = Details::of(leaf);
    look_at_chain(&mut found, &order, &parsed);
    look_at_key(&mut found, &details, &given[order[0]], key_pem);
    look_at_use(&mut found, leaf);
    look_at_time(&mut found, &details, now);
    look_at_names(&mut found, &details, wanted);
    found.details = Some(details);
    found.findings.sort_by_key(|finding| finding.severity);
    let chain = mended(&order, &parsed);
    found.chain = chain.iter().map(|i| parsed[*i].subject().to_string()).collect();
    if found.fatal().next().is_none() {
        let chain_pem = chain.iter().map(|i| pem(&given[*i])).collect();
        found.usable = Some(Leaf { chain_pem, key_pem: key_pem.to_owned() });
    }
    found
}

/// Where the certificates stand from the one of the key upwards, each vouched for by the next. Those that vouch
/// for nobody are left out.
fn order<'a, 'b>(
    parsed: &'a [X509Certificate<'b>],
    given: &[CertificateDer<'_>],
    key_pem: &str,
) -> (Vec<usize>, &'a X509Certificate<'b>) {
    let fits = |i: usize| certified_key(&pem(&given[i]), key_pem).is_ok();
    let first = (0..parsed.len())
        .find(|i| fits(*i))
        .or_else(|| parsed.iter().position(|certificate| !certificate.is_ca()))
        .unwrap_or(0);
    let mut order = vec![first];
    loop {
        let last = &parsed[order[order.len() - 1]];
        let vouches = |certificate: &X509Certificate<'_>| {
            last.issuer() == certificate.subject()
                && last.verify_signature(Some(certificate.public_key())).is_ok()
        };
        let next = (0..parsed.len()).find(|i| !order.contains(i) && vouches(&parsed[*i]));
        match next {
            Some(next) => order.push(next),
            None => return (order, &parsed[first]),
        }
    }
}

/// Without a root at the end, which phones have or do not have.
fn mended(order: &[usize], parsed: &[X509Certificate<'_>]) -> Vec<usize> {
    let is_root = |i: usize| parsed[i].issuer() == parsed[i].subject();
    let (first, above) = order.split_at(1);
    first.iter().chain(above.iter().filter(|i| !is_root(**i))).copied().collect()
}

fn look_at_chain(found: &mut Examination, order: &[usize], parsed: &[X509Certificate<'_>]) {
    if order.iter().zip(0..).any(|(i, at)| *i != at) {
        found.find(Severity::Note, "the certificates were not in their order", "Nothing: it was put right.");
    }
    if order.len() < parsed.len() {
        let text = format!("{} certificates are none of this chain", parsed.len() - order.len());
        found.find(Severity::Note, text, "Nothing: they were left out.");
    }
    let top = &parsed[order[order.len() - 1]];
    let is_root = top.issuer() == top.subject();
    if is_root && order.len() > 1 {
        found.find(
            Severity::Note,
            "the root was given too",
            "Nothing is to be done: phones have it or do not have it.",
        );
    } else if is_root {
        let advice = "Phones trust it only where it was installed by hand.";
        found.find(Severity::Warning, "the certificate vouches for itself", advice);
    }
    let known = webpki_roots::TLS_SERVER_ROOTS.iter().any(|root| {
        // The name as it stands in the certificate has a tag and a length before this.
        top.issuer().as_raw().ends_with(&root.subject) && !root.subject.is_empty()
    });
    if !known && !is_root {
        let text = format!("the chain ends below `{}`, which is no public authority", top.issuer());
        let advice = "If it is a public one, add the intermediate certificates that its issuer hands out; if it is \
                      your own, phones must be told to trust it.";
        found.find(Severity::Warning, text, advice);
    }
}

fn look_at_key(found: &mut Examination, details: &Details, leaf: &CertificateDer<'_>, key_pem: &str) {
    let refused = match &details.key {
        KeyKind::Rsa(bits) => !(2048..=4096).contains(bits),
        KeyKind::P256 | KeyKind::P384 => false,
        KeyKind::Ed25519 | KeyKind::Other(_) => true,
    };
    if refused {
        let text = format!("its key is {}, with which phones can not connect", details.key);
        let advice = "Have it issued for a key on P-256 or P-384, or RSA with 2048 to 4096 bits.";
        return found.find(Severity::Fatal, text, advice);
    }
    if key_pem.contains("ENCRYPTED") {
        let advice = "Take the password off: `openssl pkey -in key.pem -out plain.pem`.";
        found.find(Severity::Fatal, "the key is locked with a password", advice);
    } else if certified_key(&pem(leaf), key_pem).is_err() {
        let advice = "Give the key with which this certificate was requested, as PEM.";
        found.find(Severity::Fatal, "the key is not the one of the certificate", advice);
    }
}

fn look_at_use(found: &mut Examination, leaf: &X509Certificate<'_>) {
    let uses = leaf.extended_key_usage().ok().flatten();
    if uses.is_some_and(|uses| !uses.value.server_auth && !uses.value.any) {
        let advice = "Have one issued for TLS servers.";
        found.find(Severity::Fatal, "it is not for servers", advice);
    }
    if leaf.is_ca() {
        found.find(Severity::Warning, "it is that of an authority", "Have one issued for a server.");
    }
}

fn look_at_time(found: &mut Examination, details: &Details, now: SystemTime) {
    let left = details.not_after.duration_since(now);
    if now < details.not_before {
        found.find(Severity::Fatal, "it is not valid yet", "Look at the clock of the box, or wait.");
    }
    match left {
        Err(_) => found.find(Severity::Fatal, "it is not valid any more", "Have it renewed."),
        Ok(left) if left < SOON => {
            let text = format!("it ends in {} days", left.as_secs() / DAY.as_secs());
            found.find(Severity::Warning, text, "Have it renewed soon; the box can not do it.");
        }
        Ok(_) => {}
    }
    let life = details.not_after.duration_since(details.not_before).unwrap_or_default();
    if life > LONGEST_LIFE + DAY {
        let advice = "Have it issued for 398 days or less.";
        found.find(Severity::Warning, "it lives so long that iPhones refuse it", advice);
    }
}

fn look_at_names(found: &mut Examination, details: &Details, wanted: &BTreeSet<String>) {
    (found.covered, found.missing) = wanted.iter().cloned().partition(|name| details.covers(name));
    let unneeded = details.names.iter().filter(|name| !wanted.iter().any(|host| stands_for(name, host)));
    found.superfluous = unneeded.cloned().collect();
    if details.names.is_empty() {
        let advice = "Have it issued with subject alternative names.";
        return found.find(Severity::Fatal, "it has no names that phones look at", advice);
    }
    if found.covered.is_empty() && !wanted.is_empty() {
        let advice = "Have one issued for the names that are missing.";
        found.find(Severity::Fatal, "it covers none of the office's names", advice);
    } else if !found.missing.is_empty() {
        let text = format!("{} of the office's names are missing", found.missing.len());
        let advice = "Have them added, or accept that phones see the box's own certificate there.";
        found.find(Severity::Warning, text, advice);
    }
    if !found.superfluous.is_empty() {
        let text = format!("{} of its names are none of the office's", found.superfluous.len());
        found.find(Severity::Note, text, "Nothing.");
    }
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    };

    use super::*;

    /// A root, an authority below it, and what they issue.
    struct Authorities {
        root_pem: String,
        middle_pem: String,
        issuer: Issuer<'static, KeyPair>,
    }

    impl Authorities {
        fn new() -> Self {
            let params = |name: &str| {
                let mut params = CertificateParams::default();
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.distinguished_name.push(rcgen::DnType::CommonName, name);
                params
            };
            let (root_key, middle_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
            let root = params("root").self_signed(&root_key).unwrap();
            let issuer = Issuer::new(params("root"), root_key);
            let middle = params("middle").signed_by(&middle_key, &issuer).unwrap();
            let issuer = Issuer::new(params("middle"), middle_key);
            Self { root_pem: root.pem(), middle_pem: middle.pem(), issuer }
        }

        fn issue(&self, names: &[&str], key: &KeyPair) -> String {
            let now = rcgen::date_time_ymd(1970, 1, 1)
                + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let mut params = CertificateParams::new(names).unwrap();
            (params.not_before, params.not_after) = (now - DAY, now + 90 * DAY);
            params.signed_by(key, &self.issuer).unwrap().pem()
        }
    }

    fn wanted() -> BTreeSet<String> {
        ["web.office.test", "sip.office.test"].map(ToOwned::to_owned).into()
    }

    fn look(chain: &[&str], key: &KeyPair) -> Examination {
        examine(&chain.concat(), &key.serialize_pem(), &wanted(), SystemTime::now())
    }

    #[test]
    fn a_chain_in_disorder_is_put_right_and_its_root_left_out() {
        let (authorities, key) = (Authorities::new(), KeyPair::generate().unwrap());
        let leaf = authorities.issue(&["*.office.test"], &key);
        let found = look(&[&authorities.root_pem, &authorities.middle_pem, &leaf], &key);
        assert_eq!(found.fatal().count(), 0, "{:?}", found.findings);
        assert_eq!((found.covered.len(), found.missing.len(), found.superfluous.len()), (2, 0, 0));
        assert_eq!(found.chain.len(), 2);
        let said = |part: &str| found.findings.iter().any(|finding| finding.text.contains(part));
        assert!(said("not in their order") && said("the root was given too"), "{:?}", found.findings);
        let shown = found.usable.unwrap().chain_pem;
        let shown: Vec<_> = CertificateDer::pem_slice_iter(shown.as_bytes()).map(Result::unwrap).collect();
        let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        assert_eq!(shown, [der(&leaf), der(&authorities.middle_pem)]);
    }

    #[test]
    fn missing_and_superfluous_names_are_named_and_a_broken_chain_is_a_warning() {
        let authorities = Authorities::new();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let leaf = authorities.issue(&["web.office.test", "www.office.test"], &key);
        let found = look(&[&leaf], &key);
        assert_eq!(found.missing, ["sip.office.test".to_owned()].into());
        assert_eq!(found.superfluous, ["www.office.test".to_owned()].into());
        assert_eq!(found.details.as_ref().unwrap().key, KeyKind::P384);
        let warned = |part: &str| {
            found.findings.iter().any(|f| f.severity == Severity::Warning && f.text.contains(part))
        };
        assert!(warned("no public authority") && warned("names are missing"), "{:?}", found.findings);
        assert!(found.usable.is_some());
    }

    #[test]
    fn what_phones_can_not_use_is_fatal_and_leaves_nothing_to_keep() {
        let (authorities, key) = (Authorities::new(), KeyPair::generate().unwrap());
        let leaf = authorities.issue(&["*.office.test"], &key);
        let edwards = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let edwards_leaf = authorities.issue(&["*.office.test"], &edwards);
        let others = authorities.issue(&["web.other.test"], &key);
        let late = SystemTime::now() + 91 * DAY;
        let early = SystemTime::now() - 2 * DAY;
        let at = |now| examine(&leaf, &key.serialize_pem(), &wanted(), now);
        for (found, reason) in [
            (look(&[&leaf], &KeyPair::generate().unwrap()), "the key is not the one"),
            (look(&[&edwards_leaf], &edwards), "its key is Ed25519"),
            (look(&[&others], &key), "none of the office's names"),
            (look(&["hello"], &key), "no certificate that can be read"),
            (at(late), "not valid any more"),
            (at(early), "not valid yet"),
        ] {
            assert!(found.fatal().any(|text| text.contains(reason)), "{reason}: {:?}", found.findings);
            assert!(found.usable.is_none(), "{reason}");
        }
    }
}
