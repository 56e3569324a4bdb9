//! The box's own authority on its way to phones.

use std::{fs, process::Command};

use fulmar_suite::{Kind, Office};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The body that the listener without TLS answers with.
async fn fetch(office: &Office, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(office.addresses().http.unwrap()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: web.office.test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    answer.split_off(head + 4)
}

#[tokio::test]
async fn a_phone_that_trusts_nobody_yet_gets_a_profile_that_the_box_signed() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let authority = office.dir().join("state/tls/ca.pem");
    assert_eq!(fetch(&office, "/ca.pem").await, fs::read(&authority).unwrap());
    let signed = office.dir().join("ca.mobileconfig");
    fs::write(&signed, fetch(&office, "/ca.mobileconfig").await).unwrap();
    let verified = Command::new("openssl")
        .args(["cms", "-verify", "-inform", "DER", "-purpose", "any", "-in"])
        .arg(&signed)
        .arg("-CAfile")
        .arg(&authority)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.contains("CMS Verification successful"), "{said}");
    let profile = String::from_utf8(verified.stdout).unwrap();
    let body: String =
        fs::read_to_string(&authority).unwrap().lines().filter(|l| !l.starts_with('-')).collect();
    assert!(profile.contains(&format!("<data>{body}</data>")), "{profile}");
    let plist = roxmltree::Document::parse_with_options(
        &profile,
        roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() },
    );
    assert!(plist.is_ok(), "{plist:?}");
}
