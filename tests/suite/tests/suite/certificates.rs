//! The box's own authority on its way to phones.

use std::{fs, process::Command, time::Duration};

use fulmar_suite::{Kind, Office, program};
use fulmarctl::phone::Network;
use http::Method;
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

/// What `fulmarctl certificate` says, and whether it succeeds.
fn control(office: &Office, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program("fulmarctl").unwrap())
        .arg("--socket")
        .arg(office.dir().join("admin.sock"))
        .arg("certificate")
        .args(arguments)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// A certificate and its key that nobody vouches for, as files.
fn made(office: &Office, names: &[&str]) -> [String; 2] {
    let key = rcgen::KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let files = ["chain.pem", "key.pem"].map(|file| office.dir().join(file).display().to_string());
    fs::write(&files[0], certificate.pem()).unwrap();
    fs::write(&files[1], key.serialize_pem()).unwrap();
    files
}

#[tokio::test]
async fn a_certificate_is_looked_at_before_it_is_kept_and_its_key_is_never_shown() {
    let office = Office::new(Kind::Binary).await.unwrap();
    let [chain, key] = made(&office, &["web.office.test", "www.office.test"]);
    let files = ["--chain", &chain, "--key", &key];
    let (passed, said) = control(&office, &[&["preview"], &files[..]].concat());
    assert!(passed && said.contains("missing      sip.office.test"), "{said}");
    assert!(
        said.contains("superfluous  www.office.test") && said.contains("covered      web.office.test"),
        "{said}"
    );
    let (passed, said) = control(&office, &[&["upload"], &files[..]].concat());
    assert!(!passed && said.contains("it does not cover lyncdiscover.office.test"), "{said}");
    let (_, said) = control(&office, &["show"]);
    assert!(said.contains("source  own"), "{said}");
    let (passed, said) = control(&office, &["use", "uploaded"]);
    assert!(!passed && said.contains("no certificate was uploaded"), "{said}");

    let (passed, said) = control(&office, &[&["upload", "--accept-missing"], &files[..]].concat());
    assert!(passed, "{said}");
    let (_, said) = control(&office, &["show"]);
    assert!(said.contains("source  uploaded"), "{said}");
    let secret = fs::read_to_string(&key).unwrap();
    let secret = secret.lines().nth(1).unwrap();
    let state: serde_json::Value = office.admin().get("/api/v1/certificate").await.unwrap();
    assert!(!state.to_string().contains(secret) && !office.machine.log().unwrap().contains(secret));
    let database = fs::read(office.database()).unwrap();
    assert!(!database.windows(secret.len()).any(|part| part == secret.as_bytes()));

    fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let (passed, said) = control(&office, &[&["upload", "--accept-missing"], &files[..]].concat());
    assert!(!passed && said.contains("the key is not the one of the certificate"), "{said}");
    let (passed, said) = control(&office, &["use", "own"]);
    assert!(passed, "{said}");
    let (_, said) = control(&office, &["show"]);
    assert!(said.contains("source  own"), "{said}");
}

/// What the host of that name says about TLS, to a browser that trusts the box and the certificate in that file.
async fn insisted(office: &Office, chain: &str, host: &str) -> Option<String> {
    let authority = fs::read_to_string(office.dir().join("state/tls/ca.pem")).unwrap();
    let trusted = authority + &fs::read_to_string(chain).unwrap();
    let network = Network::new(office.dns(), &trusted).unwrap();
    let url = format!("https://{host}.office.test:{}/trust", office.https().port());
    let reply = network.request(Method::GET, &url, &[], "").await.unwrap();
    reply.header("strict-transport-security").map(str::to_owned)
}

#[tokio::test]
async fn browsers_are_told_to_insist_on_tls_only_where_they_see_a_certificate_from_elsewhere() {
    let office = Office::new(Kind::Binary).await.unwrap();
    let [chain, key] = made(&office, &["web.office.test"]);
    let set = async |scope: &str, age: i64| {
        let path = format!("/api/v1/policies/WebServiceConfiguration/{scope}");
        let body = serde_json::json!({ "HstsMaxAgeInSeconds": age });
        office.admin().change(Method::PUT, &path, &body).await.unwrap();
    };
    set("global", 3600).await;
    assert_eq!(insisted(&office, &chain, "web").await, None);
    let (passed, said) = control(&office, &["upload", "--accept-missing", "--chain", &chain, "--key", &key]);
    assert!(passed, "{said}");
    let shown = async {
        while insisted(&office, &chain, "web").await.as_deref() != Some("max-age=3600") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), shown).await.unwrap();
    assert_eq!(insisted(&office, &chain, "lyncdiscoverinternal").await, None);
    set("site:office.test", -1).await;
    assert_eq!(insisted(&office, &chain, "web").await, None);
}

#[tokio::test]
async fn an_authority_that_can_not_be_asked_is_refused_in_words() {
    let office = Office::new(Kind::Binary).await.unwrap();
    let (passed, said) = control(&office, &["ca"]);
    assert!(passed && said.contains("SHA-256 "), "{said}");
    let page = format!("http://web.office.test:{}/trust", office.addresses().http.unwrap().port());
    assert!(said.contains(&page), "{said}");
    let on = ["acme", "on", "--directory", "https://acme.test/dir", "--contact", "it@office.test"];
    let (passed, said) = control(&office, &on);
    assert!(!passed && said.contains("--agree-tos"), "{said}");
    let (passed, said) = control(&office, &[&on[..], &["--agree-tos"]].concat());
    assert!(!passed && said.contains("the office is for its own network only"), "{said}");
    let (passed, said) = control(&office, &["acme", "renew"]);
    assert!(!passed && said.contains("no public authority is chosen"), "{said}");
}
