//! Signs what the box hands out, as CMS `SignedData` with the content inside (RFC 5652 §5).

use ring::digest::{self, SHA256, SHA384};
use rustls::{SignatureScheme, sign::CertifiedKey};
use thiserror::Error;
use x509_parser::parse_x509_certificate;

use crate::details::NotACertificate;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
/// Constructed and context-specific, the number 0.
const CONTEXT_0: u8 = 0xa0;

// Object identifiers, encoded.
const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const CONTENT_TYPE: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
const MESSAGE_DIGEST: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
const OID_SHA256: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01";
const OID_SHA384: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02";
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const ECDSA_WITH_SHA256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const ECDSA_WITH_SHA384: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03";

/// Why something can not be signed.
#[derive(Debug, Error)]
pub(crate) enum SignError {
    /// The signer has no certificate.
    #[error("can not understand the certificate that is to sign")]
    Certificate(#[from] NotACertificate),
    /// Neither RSA nor ECDSA on P-256 or P-384.
    #[error("can not sign with a key of this kind")]
    Key,
    /// The key failed.
    #[error("can not sign")]
    Sign(#[from] rustls::Error),
}

/// How a key signs: the digest, and its and the signature's identifiers.
struct Algorithm {
    digest: &'static digest::Algorithm,
    digest_id: &'static [u8],
    signature_id: &'static [u8],
}

/// The content, signed by the first certificate of `signer`; the whole chain goes with it. DER.
pub(crate) fn sign(content: &[u8], signer: &CertifiedKey) -> Result<Vec<u8>, SignError> {
    let certificate = signer.cert.first().ok_or(NotACertificate)?;
    let (_, certificate) = parse_x509_certificate(certificate).map_err(|_| NotACertificate)?;
    let offered = [
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SignatureScheme::ECDSA_NISTP384_SHA384,
        SignatureScheme::RSA_PKCS1_SHA256,
    ];
    let key = signer.key.choose_scheme(&offered).ok_or(SignError::Key)?;
    let algorithm = Algorithm::of(key.scheme()).ok_or(SignError::Key)?;
    let attributes = attributes(content, &algorithm);
    // What is signed is the set; in the message its tag is another (RFC 5652 §5.4).
    let signature = key.sign(&tlv(SET, &attributes))?;
    let digest_id = tlv(SEQUENCE, algorithm.digest_id);
    let signer_info = [
        tlv(INTEGER, &[1]),
        tlv(SEQUENCE, &[certificate.issuer().as_raw(), &tlv(INTEGER, certificate.raw_serial())].concat()),
        digest_id.clone(),
        tlv(CONTEXT_0, &attributes),
        tlv(SEQUENCE, algorithm.signature_id),
        tlv(OCTET_STRING, &signature),
    ];
    let signed_data = [
        tlv(INTEGER, &[1]),
        tlv(SET, &digest_id),
        tlv(SEQUENCE, &[DATA, &tlv(CONTEXT_0, &tlv(OCTET_STRING, content))].concat()),
        tlv(CONTEXT_0, &signer.cert.iter().flat_map(|certificate| certificate.to_vec()).collect::<Vec<_>>()),
        tlv(SET, &tlv(SEQUENCE, &signer_info.concat())),
    ];
    let signed_data = tlv(CONTEXT_0, &tlv(SEQUENCE, &signed_data.concat()));
    Ok(tlv(SEQUENCE, &[SIGNED_DATA, &signed_data].concat()))
}

impl Algorithm {
    fn of(scheme: SignatureScheme) -> Option<Self> {
        let (digest, digest_id, signature_id) = match scheme {
            SignatureScheme::ECDSA_NISTP256_SHA256 => (&SHA256, OID_SHA256, ECDSA_WITH_SHA256),
            SignatureScheme::ECDSA_NISTP384_SHA384 => (&SHA384, OID_SHA384, ECDSA_WITH_SHA384),
            SignatureScheme::RSA_PKCS1_SHA256 => (&SHA256, OID_SHA256, RSA),
            _ => return None,
        };
        Some(Self { digest, digest_id, signature_id })
    }
}

/// The attributes that are signed; as DER wants it, the shorter one first.
fn attributes(content: &[u8], algorithm: &Algorithm) -> Vec<u8> {
    let attribute = |name: &[u8], value: &[u8]| tlv(SEQUENCE, &[name, &tlv(SET, value)].concat());
    let digest = digest::digest(algorithm.digest, content);
    [attribute(CONTENT_TYPE, DATA), attribute(MESSAGE_DIGEST, &tlv(OCTET_STRING, digest.as_ref()))].concat()
}

/// Tag, length and value in DER (X.690 §8.1).
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let significant = &length[length.iter().position(|byte| *byte != 0).unwrap_or(length.len() - 1)..];
    let mut encoded = vec![tag];
    match significant {
        [short @ 0..0x80] => encoded.push(*short),
        // At most eight bytes.
        long => {
            encoded.push(0x80 | long.len() as u8);
            encoded.extend(long);
        }
    }
    encoded.extend(value);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_one_byte_or_says_how_many_it_has() {
        assert_eq!(tlv(4, &[]), [4, 0]);
        assert_eq!(tlv(4, &[7; 127])[..3], [4, 127, 7]);
        assert_eq!(tlv(4, &[7; 128])[..4], [4, 0x81, 128, 7]);
        assert_eq!(tlv(4, &[7; 256])[..5], [4, 0x82, 1, 0, 7]);
    }
}
