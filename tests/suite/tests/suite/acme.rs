//! Certificates from a public authority: Pebble plays it, asks the box's own DNS for every name, and looks at
//! every proof.

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use fulmar_standins::authority::Authority;
use fulmar_suite::{Kind, Office};
use fulmarctl::phone::Network;
use http::Method;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::TlsConnector;

use super::power_cut::random;

/// How long an order may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// Pebble, which ends with the test.
pub(super) struct Pebble {
    child: Child,
    port: u16,
    management: u16,
    pub(super) authority: Authority,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Pebble {
    /// Issues certificates that live so long, in seconds.
    pub(super) async fn start(office: &Office, life: u64) -> Self {
        Self::start_with(office, life, ("PEBBLE_VA_NOSLEEP", "1")).await
    }

    /// Looks at each proof between at once and three seconds later.
    async fn start_slow(office: &Office) -> Self {
        Self::start_with(office, 90 * 24 * 3600, ("PEBBLE_VA_SLEEPTIME", "4")).await
    }

    async fn start_with(office: &Office, life: u64, (variable, value): (&str, &str)) -> Self {
        let authority = Authority::make("of the directory").unwrap();
        let identity = authority.issue_server().unwrap();
        let dir = office.dir().join("pebble");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("cert.pem"), &identity.certificate_pem).unwrap();
        fs::write(dir.join("key.pem"), &identity.key_pem).unwrap();
        let (port, management) = (free_port(), free_port());
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": dir.join("cert.pem"),
            "privateKey": dir.join("key.pem"),
            "httpPort": office.addresses().http.unwrap().port(),
            "tlsPort": office.https().port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": life,
        }});
        fs::write(dir.join("config.json"), config.to_string()).unwrap();
        let log = fs::File::create(dir.join("log")).unwrap();
        let child = Command::new("pebble")
            .args(["-config", &path(&dir.join("config.json")), "-dnsserver", &office.dns().to_string()])
            .env(variable, value)
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let pebble = Self { child, port, management, authority };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < deadline, "Pebble does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        pebble
    }

    /// The root under which it issues, made anew at each start.
    async fn root(&self) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(("127.0.0.1", self.management)).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        stream.write_all(b"GET /roots/0 HTTP/1.0\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        answer[answer.find("-----BEGIN").unwrap()..].to_owned()
    }

    pub(super) fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.port)
    }

    fn choice(&self, challenge: &str) -> Value {
        json!({
            "directory": self.directory(),
            "contact": "it@office.test",
            "trust_anchors_pem": self.authority.pem(),
            "challenge": challenge,
            "agree_to_terms": true,
        })
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// An office that can be found from outside.
async fn office(kind: Kind) -> Office {
    let office = Office::new(kind).await.unwrap();
    set(&office, &["office.test"]).await;
    office
}

async fn set(office: &Office, domains: &[&str]) {
    let intent = json!({
        "domains": domains, "inside": ["127.0.0.1"], "outside": ["203.0.113.7"],
        "mode": "delegated", "https_port": office.https().port(),
    });
    office.admin().change(Method::PUT, "/api/v1/office", &intent).await.unwrap();
}

/// What the box says of its certificate, once it is as wanted.
async fn wait_for(office: &Office, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let state: Value = office.admin().get("/api/v1/certificate").await.unwrap();
        if is(&state) {
            return state;
        }
        assert!(Instant::now() < deadline, "{what}: {state:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn names(state: &Value) -> BTreeSet<String> {
    let names = state["front"]["names"].as_array().into_iter().flatten();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn hosts(domain: &str, labels: &[&str]) -> BTreeSet<String> {
    labels.iter().map(|label| format!("{label}.{domain}")).collect()
}

/// Whether somebody who trusts only this root gets through to a host.
async fn reaches(office: &Office, root: &str, host: &str) -> bool {
    let url = format!("https://{host}:{}/", office.https().port());
    let network = Network::new(office.dns(), root).unwrap();
    network.request(Method::GET, &url, &[], "").await.is_ok()
}

const ALL: &[&str] = &["lyncdiscover", "lyncdiscoverinternal", "web", "sip"];
const OUTSIDE: &[&str] = &["lyncdiscover", "web", "sip"];

async fn order(challenge: &str, expected: &[&str]) {
    let office = office(Kind::InProcess).await;
    let pebble = Pebble::start(&office, 90 * 24 * 3600).await;
    let choice = pebble.choice(challenge);
    office.admin().change(Method::PUT, "/api/v1/certificate/acme", &choice).await.unwrap();
    let state = wait_for(&office, challenge, |state| state["front"].is_object()).await;
    assert_eq!(names(&state), hosts("office.test", expected));
    assert_eq!(state["acme"]["failures"], 0);
    assert_eq!(state["acme"]["ordering"], false);
    let (root, own) =
        (pebble.root().await, fs::read_to_string(office.dir().join("state/tls/ca.pem")).unwrap());
    for label in ALL {
        let (host, public) = (format!("{label}.office.test"), expected.contains(label));
        // It is shown a moment after it is kept.
        wait_until_shown(&office, &host, public, &root, &own).await;
    }
}

async fn wait_until_shown(office: &Office, host: &str, public: bool, root: &str, own: &str) {
    let deadline = Instant::now() + PATIENCE;
    let (shown, other) = if public { (root, own) } else { (own, root) };
    while !reaches(office, shown, host).await {
        assert!(Instant::now() < deadline, "{host}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!reaches(office, other, host).await, "{host}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_proved_by_records_in_the_boxs_own_zone() {
    order("dns-01", ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_proved_over_http() {
    order("http-01", OUTSIDE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_proved_over_tls() {
    order("tls-alpn-01", OUTSIDE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_before_it_ends_and_follows_the_names_of_the_office() {
    let office = office(Kind::InProcess).await;
    let pebble = Pebble::start(&office, 24).await;
    let choice = pebble.choice("dns-01");
    office.admin().change(Method::PUT, "/api/v1/certificate/acme", &choice).await.unwrap();
    let first = wait_for(&office, "first", |state| state["front"].is_object()).await;
    let renewed =
        |state: &Value| state["front"]["not_before"].as_i64() > first["front"]["not_before"].as_i64();
    let second = wait_for(&office, "renewed", renewed).await;
    assert_eq!(names(&second), names(&first));
    let ended = first["front"]["not_after"].as_i64().unwrap();
    assert!(second["front"]["not_before"].as_i64().unwrap() < ended, "{second:#}");
    set(&office, &["office.test", "second.test"]).await;
    let wanted: BTreeSet<String> =
        hosts("office.test", ALL).union(&hosts("second.test", ALL)).cloned().collect();
    wait_for(&office, "followed", |state| names(state) == wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_said_in_words_survives_a_power_cut_and_takes_nothing_away() {
    let mut office = office(Kind::Binary).await;
    let pebble = Pebble::start(&office, 90 * 24 * 3600).await;
    let choice = pebble.choice("dns-01");
    office.admin().change(Method::PUT, "/api/v1/certificate/acme", &choice).await.unwrap();
    let issued = wait_for(&office, "issued", |state| state["front"].is_object()).await;
    drop(pebble);
    office.admin().change(Method::POST, "/api/v1/certificate/acme/renewal", &Value::Null).await.unwrap();
    let failed = wait_for(&office, "failed", |state| state["acme"]["failures"] == 1).await;
    let problem = failed["acme"]["problem"]["text"].as_str().unwrap();
    assert!(problem.contains("can not talk to the authority at `https://localhost:"), "{problem}");
    office.power_cut().await.unwrap();
    let after: Value = office.admin().get("/api/v1/certificate").await.unwrap();
    assert_eq!(after["front"], issued["front"]);
    assert_eq!(after["acme"]["failures"], 1);
    office.admin().change(Method::DELETE, "/api/v1/certificate/acme", &Value::Null).await.unwrap();
    let state = wait_for(&office, "forgotten", |state| state["source"] == "own").await;
    assert!(state["acme"].is_null() && state["front"].is_null(), "{state:#}");
    let own = fs::read_to_string(office.dir().join("state/tls/ca.pem")).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !reaches(&office, &own, "web.office.test").await {
        assert!(Instant::now() < deadline, "the box's own certificate is not shown");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The texts with which a name is being proved.
pub(super) async fn proofs(office: &Office, name: &str) -> Vec<String> {
    let (port, owner) = (office.dns().port().to_string(), format!("_acme-challenge.{name}"));
    let mut dig = Command::new("dig");
    dig.args(["@127.0.0.1", "-p", &port, "+short", &owner, "TXT"]);
    let output = tokio::task::spawn_blocking(move || dig.output().expect("`dig` starts")).await.unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// How many rows a table has.
fn rows(office: &Office, table: &str) -> u32 {
    let database = rusqlite::Connection::open(office.database()).unwrap();
    database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// That the box has a certificate of Pebble, shows it, and has kept nothing else of the order.
async fn is_issued(office: &Office, pebble: &Pebble, state: &Value) {
    assert_eq!(names(state), hosts("office.test", ALL));
    let acme = &state["acme"];
    assert_eq!((&acme["failures"], &acme["ordering"]), (&json!(0), &json!(false)), "{state:#}");
    assert_eq!((rows(office, "acme_order"), rows(office, "acme_challenge")), (0, 0));
    let own = fs::read_to_string(office.dir().join("state/tls/ca.pem")).unwrap();
    wait_until_shown(office, "web.office.test", true, &pebble.root().await, &own).await;
    assert_eq!(proofs(office, "web.office.test").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_ends_with_a_certificate_when_the_power_is_cut_while_names_are_proved() {
    let mut office = office(Kind::Binary).await;
    let pebble = Pebble::start_slow(&office).await;
    let choice = pebble.choice("dns-01");
    office.admin().change(Method::PUT, "/api/v1/certificate/acme", &choice).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while proofs(&office, "web.office.test").await.is_empty() {
        assert!(Instant::now() < deadline, "no proof is served");
    }
    office.power_cut().await.unwrap();
    let state = wait_for(&office, "carried on", |state| state["front"].is_object()).await;
    is_issued(&office, &pebble, &state).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_ends_with_a_certificate_when_the_power_is_cut_at_any_moment() {
    let mut office = office(Kind::Binary).await;
    let pebble = Pebble::start(&office, 90 * 24 * 3600).await;
    let choice = pebble.choice("dns-01");
    for after in [0, 50, 100, 200, 400, 800].map(|longest| Duration::from_millis(random(longest + 1) as u64))
    {
        office.admin().change(Method::PUT, "/api/v1/certificate/acme", &choice).await.unwrap();
        office.admin().change(Method::POST, "/api/v1/certificate/acme/renewal", &Value::Null).await.unwrap();
        tokio::time::sleep(after).await;
        office.power_cut().await.unwrap();
        let over = |state: &Value| state["front"].is_object() && state["acme"]["ordering"] == false;
        let what = format!("cut after {after:?}");
        let state = wait_for(&office, &what, over).await;
        is_issued(&office, &pebble, &state).await;
        office.admin().change(Method::DELETE, "/api/v1/certificate/acme", &Value::Null).await.unwrap();
    }
}
