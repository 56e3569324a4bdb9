//! Copies of the zones at the name servers of others: Knot DNS and NSD.

use std::{
    fs::{self, File},
    net::{TcpListener, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fulmar_suite::{Kind, Office};
use http::Method;
use serde_json::{Value, json};

/// How long a change may take until a secondary serves it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A name server of others, which ends with the test.
pub(super) struct NameServer {
    child: Child,
    pub(super) port: u16,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free for UDP and TCP.
pub(super) fn free_port() -> u16 {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    UdpSocket::bind(("127.0.0.1", port)).map_or_else(|_| free_port(), |_| port)
}

/// The key of a secondary, as the box gives it out.
pub(super) struct Key {
    name: String,
    algorithm: String,
    secret: String,
}

pub(super) async fn add(office: &Office, name: &str, port: u16, algorithm: &str) -> Key {
    let new = json!({ "name": name, "address": format!("127.0.0.1:{port}"), "side": "inside", "algorithm": algorithm });
    let added = office.admin().change(Method::POST, "/api/v1/dns/secondaries", &new).await.unwrap();
    let text = |field: &str| added[field].as_str().unwrap().to_owned();
    Key { name: text("key_name"), algorithm: text("key_algorithm"), secret: text("secret") }
}

fn start(program: &str, arguments: &[&str], dir: &Path, port: u16) -> NameServer {
    let log = File::create(dir.join("log")).unwrap();
    let child = Command::new(program)
        .args(arguments)
        .arg(dir.join("conf"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("`{program}` does not start: {error}"));
    NameServer { child, port }
}

pub(super) fn knot(dir: &Path, port: u16, primary: u16, key: &Key) -> NameServer {
    fs::create_dir(dir).unwrap();
    let (shown, Key { name, algorithm, secret }) = (dir.display(), key);
    let conf = format!(
        "server:\n  rundir: {shown}\n  listen: 127.0.0.1@{port}\ndatabase:\n  storage: {shown}\n\
         log:\n  - target: stderr\n    any: info\n\
         key:\n  - id: {name}\n    algorithm: {algorithm}\n    secret: {secret}\n\
         remote:\n  - id: fulmar\n    address: 127.0.0.1@{primary}\n    key: {name}\n\
         acl:\n  - id: fulmar-notify\n    address: 127.0.0.1\n    key: {name}\n    action: notify\n\
         zone:\n  - domain: office.test.\n    storage: {shown}\n    master: fulmar\n    acl: fulmar-notify\n"
    );
    fs::write(dir.join("conf"), conf).unwrap();
    start("knotd", &["-c"], dir, port)
}

fn nsd(dir: &Path, port: u16, primary: u16, key: &Key) -> NameServer {
    fs::create_dir(dir).unwrap();
    let (shown, Key { name, algorithm, secret }) = (dir.display(), key);
    let conf = format!(
        "server:\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n\
         \x20 zonesdir: \"{shown}\"\n  xfrdir: \"{shown}\"\n  pidfile: \"{shown}/pid\"\n\
         \x20 zonelistfile: \"{shown}/list\"\n  xfrdfile: \"{shown}/state\"\n  server-count: 1\n\
         remote-control:\n  control-enable: no\n\
         key:\n  name: {name}\n  algorithm: {algorithm}\n  secret: \"{secret}\"\n\
         zone:\n  name: office.test.\n  zonefile: zone\n  allow-notify: 127.0.0.1 {name}\n\
         \x20 request-xfr: AXFR 127.0.0.1@{primary} {name}\n"
    );
    fs::write(dir.join("conf"), conf).unwrap();
    start("nsd", &["-d", "-c"], dir, port)
}

/// What `dig` prints.
async fn dig(port: u16, arguments: &[&str]) -> String {
    let mut all: Vec<String> =
        ["@127.0.0.1", "-p", &port.to_string(), "+time=2", "+tries=1"].map(String::from).into();
    all.extend(arguments.iter().map(ToString::to_string));
    let run = move || Command::new("dig").args(all).output().expect("`dig` starts");
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until the box answers with something that contains this.
pub(super) async fn dig_until(port: u16, arguments: &[&str], expected: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = dig(port, arguments).await;
        if answer.contains(expected) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{answer}");
    }
}

/// Waits until a server answers with exactly this.
pub(super) async fn served(server: &NameServer, question: &[&str], expected: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let arguments = [question, &["+short"]].concat();
        let answer = dig(server.port, &arguments).await;
        if answer.trim() == expected {
            return;
        }
        assert!(Instant::now() < deadline, "port {} says `{answer}`, not `{expected}`", server.port);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn knot_and_nsd_follow_every_change() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let (primary, ports) = (office.dns().port(), [free_port(), free_port()]);
    let keys = [
        add(&office, "knot", ports[0], "hmac-sha256").await,
        add(&office, "nsd", ports[1], "hmac-sha512").await,
    ];
    let servers = [
        knot(&office.dir().join("knot"), ports[0], primary, &keys[0]),
        nsd(&office.dir().join("nsd"), ports[1], primary, &keys[1]),
    ];
    for server in &servers {
        served(server, &["web.office.test"], "127.0.0.1").await;
    }
    // So many addresses that the zone goes in several messages, each signed in a chain with the one before.
    let inside: Vec<String> = (0..1200).map(|i| format!("10.7.{}.{}", i / 200, i % 200 + 1)).collect();
    let intent = json!({ "domains": ["office.test"], "inside": inside });
    office.admin().change(Method::PUT, "/api/v1/office", &intent).await.unwrap();
    let soa = dig(primary, &["office.test", "SOA", "+short"]).await;
    for server in &servers {
        served(server, &["office.test", "SOA"], soa.trim()).await;
        let addresses = dig(server.port, &["web.office.test", "+short"]).await;
        assert_eq!(addresses.lines().filter(|line| line.starts_with("10.7.")).count(), 1200, "{addresses}");
    }
    let list: Vec<Value> = office.admin().get("/api/v1/dns/secondaries").await.unwrap();
    for secondary in &list {
        assert!(secondary["zones"][0]["transferred"]["problem"].is_null(), "{secondary}");
        assert!(secondary["zones"][0]["transferred"]["serial"].is_u64(), "{secondary}");
        assert!(secondary.get("secret").is_none(), "{secondary}");
    }
}

#[tokio::test]
async fn a_secondary_without_a_key_is_known_by_its_address() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let port = office.dns().port();
    let at =
        |host: &str| json!({ "name": "plain", "address": host, "side": "inside", "by_address_alone": true });
    let add = async |body: &Value| office.admin().change(Method::POST, "/api/v1/dns/secondaries", body).await;
    assert!(add(&at("127.0.0.1:0")).await.unwrap_err().to_string().contains("needs a host and a port"));
    let added = add(&at("127.0.0.2:53")).await.unwrap();
    assert!(added["secret"].is_null(), "{added}");
    assert!(add(&at("127.0.0.3:53")).await.unwrap_err().to_string().contains("already"));
    let theirs = dig_until(port, &["-b", "127.0.0.2", "office.test", "AXFR"], "lyncdiscover").await;
    assert_eq!(theirs.matches("\tSOA\t").count(), 2, "{theirs}");
    let over_udp = dig(port, &["-b", "127.0.0.2", "+notcp", "office.test", "IXFR=1"]).await;
    assert_eq!(over_udp.matches("\tSOA\t").count(), 1, "{over_udp}");
    let stranger = dig(port, &["office.test", "AXFR"]).await;
    assert!(!stranger.contains("lyncdiscover"), "{stranger}");
    let foreign = dig(port, &["-b", "127.0.0.2", "example.org", "AXFR"]).await;
    assert!(foreign.contains("Transfer failed"), "{foreign}");
}

#[tokio::test]
async fn only_a_secondary_may_take_a_zone() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let port = office.dns().port();
    let key = add(&office, "ns2", free_port(), "hmac-sha256").await;
    let stranger = dig(port, &["office.test", "AXFR"]).await;
    assert!(stranger.contains("Transfer failed") && !stranger.contains("lyncdiscover"), "{stranger}");
    let signed = format!("{}:{}:{}", key.algorithm, key.name, key.secret);
    let whole = dig_until(port, &["-y", &signed, "office.test", "AXFR"], "lyncdiscover").await;
    assert!(whole.contains("lyncdiscoverinternal.office.test."), "{whole}");
    assert_eq!(whole.matches("\tSOA\t").count(), 2, "{whole}");
    let wrong = format!("{}:{}:{}", key.algorithm, key.name, "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3I=");
    let refused = dig(port, &["-y", &wrong, "office.test", "AXFR"]).await;
    assert!(!refused.contains("lyncdiscover"), "{refused}");
    let refused = dig(port, &["-y", &wrong, "+tcp", "office.test", "SOA"]).await;
    assert!(refused.contains("NOTAUTH") && refused.contains("BADSIG"), "{refused}");
    let unknown = format!("hmac-sha256:nobody:{}", key.secret);
    let refused = dig(port, &["-y", &unknown, "office.test", "SOA"]).await;
    assert!(refused.contains("NOTAUTH") && refused.contains("BADKEY"), "{refused}");
    let list: Vec<Value> = office.admin().get("/api/v1/dns/secondaries").await.unwrap();
    assert!(list[0]["refused"]["problem"].as_str().unwrap().contains("secrets differ"), "{list:?}");
    // Whoever is current is told so, and whoever is not gets everything.
    let serial = list[0]["zones"][0]["transferred"]["serial"].as_u64().unwrap();
    let current = dig(port, &["-y", &signed, "office.test", &format!("IXFR={serial}")]).await;
    assert_eq!(current.matches("\tSOA\t").count(), 1, "{current}");
    let old = dig(port, &["-y", &signed, "office.test", &format!("IXFR={}", serial - 1), "+tcp"]).await;
    assert_eq!(old.matches("\tSOA\t").count(), 2, "{old}");
    office.admin().change(Method::DELETE, "/api/v1/dns/secondaries/ns2", &()).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while dig(port, &["-y", &signed, "office.test", "SOA"]).await.contains("NOERROR") {
        assert!(Instant::now() < deadline, "a removed secondary is still served");
    }
}
