//! Signed zones, as the tools of BIND and Knot DNS see them.

use std::{fs, path::PathBuf, process::Command};

use fulmar_suite::{Kind, Office, program};
use http::Method;
use serde_json::{Value, json};

use super::secondaries::{self, NameServer};

const LAB: &str = "$TTL 60\n@ SOA ns hostmaster 7 3600 600 604800 60\n@ NS ns\nns A 192.0.2.53\n\
                   *.wild A 192.0.2.80\n*.wild MX 10 Mail\ndeep.er TXT x\nold DNAME wild\ngo CNAME x.wild\n\
                   free NS ns.example.\n";

async fn output(mut command: Command) -> (bool, String) {
    let run = move || command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// What `fulmarctl` says, and whether it succeeds.
async fn control(office: &Office, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(program("fulmarctl").unwrap());
    command.arg("--socket").arg(office.dir().join("admin.sock")).args(arguments);
    output(command).await
}

async fn done(office: &Office, arguments: &[&str]) -> String {
    let (done, said) = control(office, arguments).await;
    assert!(done, "{arguments:?}: {said}");
    said
}

async fn ask(tool: &str, port: u16, arguments: &[&str]) -> String {
    let mut command = Command::new(tool);
    command.args(["@127.0.0.1", "-p", &port.to_string()]).args(arguments);
    output(command).await.1
}

/// An office with an imported zone below its domain, all of it signed.
async fn signed(kind: Kind) -> Office {
    let office = Office::new(kind).await.unwrap();
    let file = office.dir().join("lab.zone").display().to_string();
    fs::write(&file, LAB).unwrap();
    done(&office, &["dns", "zone", "import", "lab.office.test", &file, "--side", "inside"]).await;
    let said = done(&office, &["dns", "dnssec", "on"]).await;
    assert!(said.contains("DNSSEC is on.") && !said.contains("not served"), "{said}");
    office
}

/// The lines `office.test. 300 IN DS …` of what was said.
fn ds_lines(said: &str) -> Vec<&str> {
    said.lines().map(str::trim).filter(|line| line.contains(" IN DS ")).collect()
}

/// A file with the DS of the domain, which is all that is trusted.
async fn anchor(office: &Office) -> PathBuf {
    let said = done(office, &["dns", "dnssec", "status"]).await;
    let ds =
        ds_lines(&said).into_iter().find_map(|line| line.strip_prefix("office.test. 300 IN DS ")).unwrap();
    let (numbers, digest) = ds.rsplit_once(' ').unwrap();
    let path = office.dir().join("anchor");
    fs::write(&path, format!("trust-anchors {{ office.test. static-ds {numbers} \"{digest}\"; }};\n"))
        .unwrap();
    path
}

/// What `delv` finds and believes.
async fn validated(office: &Office, port: u16, name: &str, record_type: &str) -> String {
    let anchor = anchor(office).await.display().to_string();
    let said = ask("delv", port, &["-a", &anchor, "+root=office.test", name, record_type]).await;
    assert!(said.contains("fully validated"), "{name} {record_type}: {said}");
    said
}

#[tokio::test]
async fn delv_believes_every_answer() {
    let office = signed(Kind::InProcess).await;
    let port = office.dns().port();
    for (name, record_type, expected) in [
        ("office.test", "SOA", "\tSOA\t"),
        ("office.test", "DNSKEY", "\tDNSKEY\t"),
        ("web.office.test", "A", "127.0.0.1"),
        ("_sipinternaltls._tcp.office.test", "SRV", "sip.office.test."),
        ("nobody.office.test", "A", "ncache nxdomain"),
        ("a.b.nobody.office.test", "A", "ncache nxdomain"),
        ("web.office.test", "TXT", "ncache nxrrset"),
        ("_tcp.office.test", "A", "ncache nxrrset"),
        ("lab.office.test", "DS", "\tDS\t"),
        ("lab.office.test", "SOA", "\tSOA\t"),
        ("x.wild.lab.office.test", "A", "192.0.2.80"),
        ("y.x.wild.lab.office.test", "MX", "10 Mail"),
        ("x.wild.lab.office.test", "TXT", "ncache nxrrset"),
        ("er.lab.office.test", "A", "ncache nxrrset"),
        ("x.er.lab.office.test", "A", "ncache nxdomain"),
        ("go.lab.office.test", "A", "192.0.2.80"),
        ("x.old.lab.office.test", "A", "192.0.2.80"),
        ("free.lab.office.test", "DS", "ncache nxrrset"),
    ] {
        let said = validated(&office, port, name, record_type).await;
        assert!(said.contains(expected), "{name} {record_type}: {said}");
    }
    let anchor = anchor(&office).await;
    let trusted = fs::read_to_string(&anchor).unwrap();
    let (rest, digest) = trusted.split_once('"').unwrap();
    let other = if digest.starts_with('0') { '1' } else { '0' };
    fs::write(&anchor, format!("{rest}\"{other}{}", &digest[1..])).unwrap();
    let said =
        ask("delv", port, &["-a", &anchor.display().to_string(), "+root=office.test", "web.office.test"])
            .await;
    assert!(!said.contains("fully validated"), "{said}");
}

#[tokio::test]
async fn whoever_does_not_ask_for_signatures_gets_none() {
    let office = signed(Kind::InProcess).await;
    let port = office.dns().port();
    let plain = ask("kdig", port, &["web.office.test", "A"]).await;
    assert!(plain.contains("127.0.0.1") && !plain.contains("RRSIG"), "{plain}");
    let signed = ask("kdig", port, &["+dnssec", "web.office.test", "A"]).await;
    assert_eq!(signed.matches("\tRRSIG\tA 13 3 300 ").count(), 1, "{signed}");
    let nothing = ask("kdig", port, &["+dnssec", "nobody.office.test", "A"]).await;
    assert!(nothing.contains("NXDOMAIN") && nothing.contains("\tNSEC\t"), "{nothing}");
}

#[tokio::test]
async fn dnssec_verify_finds_whole_zones() {
    let office = signed(Kind::InProcess).await;
    let new =
        json!({ "name": "plain", "address": "127.0.0.2:53", "side": "inside", "by_address_alone": true });
    office.admin().change(Method::POST, "/api/v1/dns/secondaries", &new).await.unwrap();
    for zone in ["office.test", "lab.office.test"] {
        let question = ["-b", "127.0.0.2", "+onesoa", zone, "AXFR"];
        let whole = secondaries::dig_until(office.dns().port(), &question, "\tNSEC\t").await;
        let file = office.dir().join("whole");
        fs::write(&file, &whole).unwrap();
        let mut verify = Command::new("dnssec-verify");
        // One key does what two do elsewhere.
        verify.args(["-z", "-o", zone]).arg(&file);
        let (verified, said) = output(verify).await;
        assert!(verified && said.contains("fully signed"), "{zone}: {said}\n{whole}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secondary_serves_the_same_signatures() {
    let office = signed(Kind::InProcess).await;
    let port = secondaries::free_port();
    let key = secondaries::add(&office, "knot", port, "hmac-sha256").await;
    let knot: NameServer = secondaries::knot(&office.dir().join("knot"), port, office.dns().port(), &key);
    secondaries::served(&knot, &["web.office.test"], "127.0.0.1").await;
    for (name, record_type) in
        [("web.office.test", "A"), ("nobody.office.test", "A"), ("_tcp.office.test", "A")]
    {
        validated(&office, knot.port, name, record_type).await;
    }
    // Made anew under a new serial, which the secondary fetches.
    let question = ["office.test", "SOA", "+short"];
    let before = ask("dig", office.dns().port(), &question).await;
    done(&office, &["dns", "dnssec", "on"]).await;
    let after = ask("dig", office.dns().port(), &question).await;
    assert_ne!(before, after);
    secondaries::served(&knot, &question[..2], after.trim()).await;
    validated(&office, knot.port, "office.test", "SOA").await;
}

#[tokio::test]
async fn keys_outlive_a_power_cut_and_signing() {
    let mut office = signed(Kind::Binary).await;
    let before = done(&office, &["dns", "dnssec", "status"]).await;
    assert_eq!(ds_lines(&before).len(), 2, "{before}");
    assert!(before.contains("No DS is entered anywhere"), "the office is for itself: {before}");
    office.power_cut().await.unwrap();
    validated(&office, office.dns().port(), "web.office.test", "A").await;
    assert_eq!(done(&office, &["dns", "dnssec", "status"]).await, before);

    let (switched, said) = control(&office, &["dns", "dnssec", "off"]).await;
    assert!(!switched && said.contains("--ds-removed") && said.contains("would be gone"), "{said}");
    assert_eq!(done(&office, &["dns", "dnssec", "off", "--ds-removed"]).await, "DNSSEC is off.\n");
    let plain = ask("kdig", office.dns().port(), &["+dnssec", "web.office.test"]).await;
    assert!(plain.contains("127.0.0.1") && !plain.contains("RRSIG"), "{plain}");
    let again = done(&office, &["dns", "dnssec", "on"]).await;
    assert_eq!(ds_lines(&again), ds_lines(&before));
}

#[tokio::test]
async fn what_is_entered_at_the_provider_has_the_ds() {
    let office = signed(Kind::InProcess).await;
    let port = office.https().port();
    let intent = json!({
        "domains": ["office.test"], "inside": ["127.0.0.1"], "outside": ["203.0.113.7"],
        "mode": "delegated", "https_port": port,
    });
    let changed = office.admin().change(Method::PUT, "/api/v1/office", &intent).await.unwrap();
    assert_eq!(changed["published"], true);
    let status = done(&office, &["dns", "dnssec", "status"]).await;
    assert!(status.contains("Enter the DS of office.test where the domain above is kept"), "{status}");
    let provider = done(&office, &["office", "provider", "--master-file"]).await;
    let squeezed: Vec<String> =
        provider.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let ds = ds_lines(&status).into_iter().find(|line| line.starts_with("office.test.")).unwrap();
    assert!(squeezed.iter().any(|line| line == ds), "{ds}: {provider}");
    assert_eq!(provider.matches(" DS ").count(), 2, "the sentence and the record: {provider}");
    let zones: Value = office.admin().get("/api/v1/dns/dnssec").await.unwrap();
    assert_eq!((&zones["zones"][0]["side"], &zones["zones"][1]["side"]), (&json!("inside"), &json!("both")));
    done(&office, &["dns", "dnssec", "off", "--ds-removed"]).await;
    let provider = done(&office, &["office", "provider"]).await;
    assert!(!provider.contains("DS"), "{provider}");
}
