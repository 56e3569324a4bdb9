//! The configuration profile with which an iPhone learns to trust the box's own authority.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, digest};

/// A property list with the authority's certificate (DER) as a root. Its identifiers follow from the certificate,
/// so that a phone that installs it again replaces what it has.
pub(crate) fn profile(authority: &[u8]) -> String {
    let certificate = STANDARD.encode(authority);
    let (whole, payload) = (uuid(authority, "profile"), uuid(authority, "root"));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>PayloadContent</key>
	<array>
		<dict>
			<key>PayloadCertificateFileName</key>
			<string>ca.crt</string>
			<key>PayloadContent</key>
			<data>{certificate}</data>
			<key>PayloadDescription</key>
			<string>The authority that issued the certificate of the office's box.</string>
			<key>PayloadDisplayName</key>
			<string>Fulmar office authority</string>
			<key>PayloadIdentifier</key>
			<string>fulmar.authority.{payload}</string>
			<key>PayloadType</key>
			<string>com.apple.security.root</string>
			<key>PayloadUUID</key>
			<string>{payload}</string>
			<key>PayloadVersion</key>
			<integer>1</integer>
		</dict>
	</array>
	<key>PayloadDescription</key>
	<string>Lets this phone know the office's own box for what it is. Compare the fingerprint before you install it.</string>
	<key>PayloadDisplayName</key>
	<string>Fulmar office box</string>
	<key>PayloadIdentifier</key>
	<string>fulmar.authority.{whole}</string>
	<key>PayloadRemovalDisallowed</key>
	<false/>
	<key>PayloadType</key>
	<string>Configuration</string>
	<key>PayloadUUID</key>
	<string>{whole}</string>
	<key>PayloadVersion</key>
	<integer>1</integer>
</dict>
</plist>
"#
    )
}

/// A UUID that follows from the certificate (RFC 9562 §5.8).
fn uuid(authority: &[u8], what: &str) -> String {
    let digest = digest(&SHA256, &[what.as_bytes(), authority].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = format!("{:032X}", u128::from_be_bytes(bytes));
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifiers_stay_while_the_authority_does() {
        assert_eq!(profile(b"one"), profile(b"one"));
        let uuids = |text: &str| -> Vec<String> {
            text.lines().filter(|line| line.contains("fulmar.authority.")).map(ToOwned::to_owned).collect()
        };
        assert_ne!(uuids(&profile(b"one")), uuids(&profile(b"two")));
        assert_ne!(uuid(b"one", "profile"), uuid(b"one", "root"));
    }
}
