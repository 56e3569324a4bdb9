//! Two boxes: one without keys hands its notifications to one that has them.

use std::{
    fmt::Debug,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fulmar_standins::{
    apns::{Behaviour, Refusal},
    fcm::FcmStandin,
};
use fulmar_suite::{Kind, Machine, Office, program, uri};
use fulmar_wire::mcx::{self, Event};
use fulmarctl::phone::Phone;
use http::{Method, StatusCode};
use rustls::{
    ClientConfig, RootCertStore, SignatureScheme,
    client::ResolvesClientCert,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    sign::CertifiedKey,
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

const DEVICE: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command says, or why it does not.
async fn fulmarctl(office: &Office, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program("fulmarctl").unwrap());
    command.arg("--socket").arg(office.dir().join("admin.sock")).args(words);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(said(output.stdout)) } else { Err(said(output.stderr)) }
}

/// The code that a house gives for a box.
async fn invite(house: &Office, name: &str) -> String {
    let said = fulmarctl(house, &["push", "house", "invite", name]).await.unwrap();
    said.lines().find_map(|line| line.strip_prefix("  ")).unwrap().to_owned()
}

fn address(house: &Office) -> String {
    house.https().to_string()
}

/// A house and a branch without a key, paired.
async fn pair(kind: Kind) -> (Office, Office) {
    let (house, branch) =
        (Office::new(kind).await.unwrap(), Office::without_key(Kind::InProcess).await.unwrap());
    let code = invite(&house, "branch").await;
    let said = fulmarctl(&branch, &["push", "house", "pair", &address(&house), &code]).await.unwrap();
    assert!(said.contains("knows this box as branch, and sends to apns."), "{said}");
    (house, branch)
}

/// Anna's phone in the branch, which sleeps, and ben's.
async fn phones(branch: &Office) -> (Phone, Phone) {
    let mut anna = branch.sign_in("anna", "phone").await.unwrap();
    let register = mcx::Command::RegisterPush { provider: "apns".into(), token: DEVICE.into() };
    anna.perform(register).await.unwrap();
    anna.perform(mcx::Command::SetApplicationState { state: "background".into() }).await.unwrap();
    (anna, branch.sign_in("ben", "phone").await.unwrap())
}

async fn tested(phone: &mut Phone) -> (bool, String) {
    let given = phone.command(mcx::Command::TestPush).await.unwrap();
    let told = phone.until("the house's answer", |event| match event {
        Event::PushTested { rid, accepted, reason } if *rid == given => Some((*accepted, reason.clone())),
        _ => None,
    });
    told.await.unwrap()
}

/// Waits until the branch's ledger has this step with these words.
async fn noted(branch: &Office, step: &str, words: &str) -> String {
    let look = async {
        loop {
            let steps: Vec<Value> = branch.admin().get("/api/v1/push/ledger?limit=1000").await.unwrap();
            let detail = |entry: &Value| entry["detail"].as_str().unwrap_or_default().to_owned();
            let mut noted = steps.iter().filter(|entry| entry["step"] == step).map(detail);
            if let Some(found) = noted.find(|detail| detail.contains(words)) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("no `{step}` with `{words}`"))
}

#[tokio::test]
async fn a_phone_of_a_box_without_a_key_is_woken_through_its_house() {
    let (house, branch) = pair(Kind::Binary).await;
    let (mut anna, mut ben) = phones(&branch).await;
    ben.invite(&uri("anna").unwrap(), "m-1", "Lunch at one, by bike?").await.unwrap();
    let shown = house.apns.wait_for_shown(1).await.unwrap();
    assert_eq!(shown[0].device, DEVICE);
    assert_eq!(shown[0].payload["aps"]["alert"]["title"], "ben");
    noted(&branch, "accepted", "").await;
    assert!(branch.apns.received().is_empty());

    let ledger = fulmarctl(&house, &["push", "house", "ledger", "branch"]).await.unwrap();
    assert!(ledger.contains("branch") && ledger.contains("attempt 1   accepted"), "{ledger}");
    let listed = fulmarctl(&house, &["push", "house", "list"]).await.unwrap();
    assert!(listed.contains("today: 1 accepted, 0 gone, 0 failed, 0 throttled"), "{listed}");
    for secret in [DEVICE, "Lunch at one"] {
        assert!(!house.machine.log().unwrap().contains(secret) && !ledger.contains(secret));
        for file in ["state/fulmar.db", "state/fulmar.db-wal"] {
            let bytes = std::fs::read(house.dir().join(file)).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
        }
    }

    let gone =
        Refusal { timestamp: Some(4_000_000_000_000), ..Refusal::new(StatusCode::GONE, "Unregistered") };
    house.apns.always(DEVICE, Behaviour::Refuse(gone));
    assert_eq!(tested(&mut anna).await, (false, "Unregistered".into()));
    noted(&branch, "refused", "Unregistered").await;
    let again = anna.perform(mcx::Command::TestPush).await.unwrap_err().to_string();
    assert!(again.contains("noPushRegistration"), "{again}");
}

#[tokio::test]
async fn what_is_beyond_the_quota_comes_later() {
    const MESSAGES: usize = 33;
    let (house, branch) = pair(Kind::InProcess).await;
    let quota = ["push", "house", "quota", "branch", "--per-minute", "30", "--per-day", "1000"];
    fulmarctl(&house, &quota).await.unwrap();
    let (_anna, mut ben) = phones(&branch).await;
    let conversation = ben.invite(&uri("anna").unwrap(), "m-0", "one").await.unwrap();
    for number in 1..MESSAGES {
        ben.say(&conversation, &format!("m-{number}"), "more").await.unwrap();
    }
    noted(&branch, "postponed", "more than the quota of this box: 30 a minute").await;
    let all = async {
        loop {
            let listed: Value = house.admin().get("/api/v1/push/house").await.unwrap();
            if listed["boxes"][0]["today"]["accepted"] == MESSAGES {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, all).await.unwrap();
    assert_eq!(house.apns.shown().len(), MESSAGES);
    assert_eq!(house.apns.received().len(), MESSAGES, "each of them once");
    let listed = fulmarctl(&house, &["push", "house", "list"]).await.unwrap();
    assert!(listed.contains("33 accepted") && !listed.contains(" 0 throttled"), "{listed}");
}

#[tokio::test]
async fn while_the_house_is_off_notifications_wait_and_come_once() {
    let (mut house, branch) = pair(Kind::Binary).await;
    let (_anna, mut ben) = phones(&branch).await;
    let addresses = house.addresses();
    house.machine.kill().unwrap();
    ben.invite(&uri("anna").unwrap(), "m-1", "Lunch?").await.unwrap();
    let said = noted(&branch, "postponed", "504 (Server time-out)").await;
    assert!(said.contains(&address(&house)), "{said}");
    house.machine = Machine::start(Kind::Binary, house.dir(), Some(addresses)).await.unwrap();
    house.apns.wait_for_shown(1).await.unwrap();
    noted(&branch, "accepted", "").await;
    assert_eq!((house.apns.shown().len(), house.apns.received().len()), (1, 1));
}

#[tokio::test]
async fn a_box_that_was_removed_is_refused_until_it_is_paired_anew() {
    let (house, branch) = pair(Kind::InProcess).await;
    let (mut anna, _) = phones(&branch).await;
    assert_eq!(tested(&mut anna).await, (true, String::new()));
    fulmarctl(&house, &["push", "house", "remove", "branch"]).await.unwrap();
    let (accepted, reason) = tested(&mut anna).await;
    let words =
        "The domain of the message is not configured and does not appear to belong to a federated partner";
    assert!(!accepted && reason.starts_with(words), "{reason}");
    let code = invite(&house, "branch").await;
    fulmarctl(&branch, &["push", "house", "pair", &address(&house), &code]).await.unwrap();
    assert_eq!(tested(&mut anna).await, (true, String::new()));

    fulmarctl(&branch, &["push", "house", "leave"]).await.unwrap();
    assert!(!tested(&mut anna).await.0);
    let refused = fulmarctl(&branch, &["push", "house", "leave"]).await.unwrap_err();
    assert!(refused.contains("this box is not paired with a clearing house"), "{refused}");
}

#[tokio::test]
async fn a_code_is_good_once_and_for_the_house_that_gave_it() {
    let (house, branch) = pair(Kind::InProcess).await;
    let at = address(&house);
    let refused =
        async |code: &str| fulmarctl(&branch, &["push", "house", "pair", &at, code]).await.unwrap_err();
    let code = invite(&house, "other").await;
    let (half, ticket) = code.split_at(20);
    let wrong = format!("{half}{}", ticket.chars().rev().collect::<String>());
    assert!(refused(&wrong).await.contains("is not one that was given out here"));
    let elsewhere = format!("{}{ticket}", half.chars().rev().collect::<String>().replace('-', ""));
    assert!(refused(&elsewhere).await.contains("is not the one that made this code"));
    assert!(refused("AAAA-BBBB").await.contains("has eight groups of four"));
    fulmarctl(&branch, &["push", "house", "pair", &at, &code]).await.unwrap();
    assert!(refused(&code).await.contains("was used already"));
    let nobody = branch.addresses().dns.unwrap().to_string();
    let silent = fulmarctl(&branch, &["push", "house", "pair", &nobody, &code]).await.unwrap_err();
    assert!(silent.contains("can not reach a clearing house at"), "{silent}");
}

/// The house is for what the box has no key for; of the two, the box's own key counts.
#[tokio::test]
async fn a_key_of_the_box_s_own_goes_before_its_house() {
    let (house, branch) =
        (Office::new(Kind::InProcess).await.unwrap(), Office::new(Kind::InProcess).await.unwrap());
    let firebase = FcmStandin::start().await.unwrap();
    let settings = json!({
        "endpoint": firebase.endpoint(),
        "service_account": firebase.service_account(),
        "trust_anchors_pem": firebase.ca_pem(),
    });
    house.admin().change(Method::PUT, "/api/v1/push/fcm", &settings).await.unwrap();
    let code = invite(&house, "branch").await;
    let said = fulmarctl(&branch, &["push", "house", "pair", &address(&house), &code]).await.unwrap();
    assert!(said.contains("and sends to apns, fcm."), "{said}");
    let (mut anna, _) = phones(&branch).await;
    assert_eq!(tested(&mut anna).await, (true, String::new()));
    assert_eq!((branch.apns.received().len(), house.apns.received().len()), (1, 0));
    let token = "dGhpcyBpcyBhIHRva2Vu:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx";
    let register = mcx::Command::RegisterPush { provider: "fcm".into(), token: token.into() };
    anna.perform(register).await.unwrap();
    assert_eq!(tested(&mut anna).await, (true, String::new()));
    assert_eq!(firebase.received().last().unwrap().uri.path(), "/v1/projects/fulmar-standin/messages:send");
    let ledger = fulmarctl(&house, &["push", "house", "ledger"]).await.unwrap();
    assert_eq!(ledger.lines().count(), 1, "{ledger}");
}

/// A client that would show a certificate, if anybody asked.
#[derive(Debug, Default)]
struct Asked(AtomicBool);

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn phones_are_never_asked_for_a_certificate() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(office.dir().join("state/tls/ca.pem")).unwrap()).unwrap();
    let ask = async |offered: &[&[u8]]| {
        let asked = Arc::new(Asked::default());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_client_cert_resolver(Arc::clone(&asked) as Arc<dyn ResolvesClientCert>);
        config.alpn_protocols = offered.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TcpStream::connect(office.https()).await.unwrap();
        let name = ServerName::try_from("lyncdiscoverinternal.office.test").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        asked.0.load(Ordering::Relaxed)
    };
    let phones: [&[&[u8]]; 4] = [&[], &[b"h2", b"http/1.1"], &[b"http/1.1"], &[b"h2", b"fulmar-push"]];
    for offered in phones {
        assert!(!ask(offered).await, "{offered:?}");
    }
    assert!(ask(&[b"fulmar-push"]).await);
}
