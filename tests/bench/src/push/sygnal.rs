//! Sygnal, a push gateway of Matrix. It is run as it is: in a mount namespace of its own, Apple and the push service of
//! the Web are this machine, and the certificate of the service is what it trusts.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::Request;
use rcgen::{KeyPair, PublicKeyData};
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinSet};

use super::{
    Kind, Turn,
    process::{MEASURED, Usage},
    service::Service,
};
use crate::{appliance::free, im::line::Line};

/// How Apple's service is called; Sygnal asks no other.
pub(super) const APPLE: &str = "api.push.apple.com";
/// How the service of the Web is called.
pub(super) const WEB: &str = "push.example.org";
pub(super) const CONNECTIONS: usize = 64;
/// How many devices there are.
const DEVICES: usize = 250;
const WARM_UP: Duration = Duration::from_secs(1);
const TURN: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
/// Has these names be this machine, keeps to a core, and runs what follows.
const SCRIPT: &str = "mount --bind \"$1\" /etc/hosts && shift && exec taskset -c \"$@\"";

pub(super) async fn turn(
    python: &Path,
    certificates: &Path,
    service: &mut Service,
    kind: Kind,
) -> Result<Turn> {
    let dir = tempfile::tempdir()?;
    let address = free()?;
    let sygnal = Sygnal(start(python, certificates, dir.path(), address)?);
    let log = || fs::read_to_string(dir.path().join("log")).unwrap_or_default();
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).await.is_err() {
        if Instant::now() > deadline {
            bail!("Sygnal does not serve: {}", log());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let devices = Arc::new((0..DEVICES).map(|number| device(kind, number)).collect::<Result<Vec<_>>>()?);
    let mut posting = JoinSet::new();
    for number in 0..CONNECTIONS {
        posting.spawn(post(address, Arc::clone(&devices), number));
    }
    tokio::time::sleep(WARM_UP).await;
    let before = (service.count().await?, Usage::of(sygnal.0.id())?, Instant::now());
    tokio::time::sleep(TURN).await;
    let (came, after, seconds) =
        (service.count().await?, Usage::of(sygnal.0.id())?, before.2.elapsed().as_secs_f64());
    if let Some(ended) = posting.try_join_next() {
        ended?.with_context(log)?;
    }
    let pushes = (came.pushes - before.0.pushes) as f64;
    Ok(Turn { pushes, seconds, cpu: after.cpu - before.1.cpu, mib: after.mib })
}

struct Sygnal(Child);

impl Drop for Sygnal {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(python: &Path, certificates: &Path, dir: &Path, address: SocketAddr) -> Result<Child> {
    let key = KeyPair::generate()?.serialize_pem();
    for name in ["apple.p8", "vapid.pem"] {
        fs::write(dir.join(name), &key)?;
    }
    let file = |name: &str| dir.join(name).display().to_string();
    let settings = json!({
        "log": { "setup": { "version": 1, "root": { "level": "ERROR" } } },
        "http": { "bind_addresses": [address.ip().to_string()], "port": address.port() },
        "apps": {
            "org.example.apple": {
                "type": "apns",
                "keyfile": file("apple.p8"),
                "key_id": "KEY0000001",
                "team_id": "TEAM000001",
                "topic": "org.example.fulmar",
                "push_type": "alert",
                "inflight_request_limit": 5000,
            },
            "org.example.web": {
                "type": "webpush",
                "vapid_private_key": file("vapid.pem"),
                "vapid_contact_email": "admin@office.example",
                "max_connections": 100,
                "inflight_request_limit": 5000,
            },
        },
    });
    // JSON is YAML.
    fs::write(dir.join("sygnal.yaml"), settings.to_string())?;
    fs::write(dir.join("hosts"), format!("127.0.0.1 localhost {APPLE} {WEB}\n"))?;
    let log = fs::File::create(dir.join("log"))?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", SCRIPT, "sh"]).arg(dir.join("hosts")).arg(MEASURED).arg(python);
    command.args(["-c", "from sygnal.sygnal import main; main()"]).current_dir(dir);
    command.env("SYGNAL_CONF", dir.join("sygnal.yaml")).env("SSL_CERT_FILE", certificates.join("leaf.crt"));
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().context("can not start `unshare`")
}

/// A device as a server of Matrix names it to a push gateway.
fn device(kind: Kind, number: usize) -> Result<Value> {
    Ok(match kind {
        Kind::Apple => {
            let token = STANDARD.encode(format!("{number:032}"));
            json!({ "app_id": "org.example.apple", "pushkey": token, "pushkey_ts": 1, "data": {} })
        }
        Kind::Web => {
            let key = URL_SAFE_NO_PAD.encode(KeyPair::generate()?.der_bytes());
            let auth = URL_SAFE_NO_PAD.encode([7; 16]);
            let data = json!({ "endpoint": format!("https://{WEB}/push/{number}"), "auth": auth });
            json!({ "app_id": "org.example.web", "pushkey": key, "pushkey_ts": 1, "data": data })
        }
    })
}

/// Posts one after the other.
async fn post(address: SocketAddr, devices: Arc<Vec<Value>>, first: usize) -> Result<()> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut line = Line::over(stream, "localhost").await?;
    for number in (first..).step_by(CONNECTIONS) {
        let body = json!({ "notification": {
            "event_id": format!("$event-{number}"),
            "room_id": "!room:office.test",
            "type": "m.room.message",
            "sender": "@anna:office.test",
            "sender_display_name": "Anna",
            "room_name": "Office",
            "counts": { "unread": 1 },
            "prio": "high",
            "content": { "msgtype": "m.text", "body": "What is said, as long as such things are." },
            "devices": [devices.get(number % devices.len())],
        } });
        let request = Request::post("/_matrix/push/v1/notify").header("content-type", "application/json");
        let answer: Value = serde_json::from_slice(&line.ask(request, body.to_string()).await?)?;
        if answer["rejected"].as_array().is_none_or(|rejected| !rejected.is_empty()) {
            bail!("Sygnal rejects a push: {answer}");
        }
    }
    Ok(())
}
