//! The binary as systemd and an administrator meet it.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use fulmar_suite::{Kind, Office, program};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_answers_held_polls_and_ends_within_five_seconds() {
    let mut office = Office::new(Kind::Binary).await.unwrap();
    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    let held = tokio::spawn(async move { anna.fetch(Duration::from_secs(60)).await });
    // The poll is held once the gauge says so.
    wait_for(&office, "fulmar_mcx_polls_active 1").await;
    let asked = Instant::now();
    let status = office.machine.terminate().unwrap();
    assert!(status.success(), "{status}");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    held.await.unwrap().expect("the poll was answered");
}

async fn wait_for(office: &Office, metric: &str) {
    let (network, port) = (office.network().unwrap(), office.addresses().console.unwrap().port());
    let url = format!("https://web.office.test:{port}/metrics");
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let reply = network.request(http::Method::GET, &url, &[], "").await.unwrap();
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        if text.contains(metric) {
            return;
        }
        assert!(Instant::now() < deadline, "no `{metric}` in\n{text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn machines_can_look_at_the_console() {
    let office = Office::new(Kind::Binary).await.unwrap();
    let (network, port) = (office.network().unwrap(), office.addresses().console.unwrap().port());
    for (path, content) in
        [("/livez", "ok"), ("/readyz", "ok"), ("/", "<!doctype html>"), ("/metrics", "# TYPE")]
    {
        let url = format!("https://web.office.test:{port}{path}");
        let reply = network.request(http::Method::GET, &url, &[], "").await.unwrap();
        assert_eq!(reply.status.as_u16(), 200, "{path}");
        assert!(String::from_utf8_lossy(&reply.body).contains(content), "{path}");
    }
}

#[tokio::test]
async fn systemd_is_told_ready_alive_and_stopping() {
    let dir = tempfile::tempdir().unwrap();
    let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut child = fulmard(dir.path(), &[("NOTIFY_SOCKET", "notify"), ("WATCHDOG_USEC", "600000")]);
    let mut said = String::new();
    let mut buffer = [0; 256];
    while !said.contains("WATCHDOG=1") || !said.contains("READY=1") {
        let length = socket.recv(&mut buffer).expect("a word within 20 s");
        said.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    while !said.contains("STOPPING=1") {
        let length = socket.recv(&mut buffer).expect("a word within 20 s");
        said.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    assert!(child.wait().unwrap().success());
}

fn fulmard(dir: &std::path::Path, environment: &[(&str, &str)]) -> std::process::Child {
    let config = "version = 1\n[paths]\nstate = \"state\"\nadmin_socket = \"admin.sock\"\n[dns]\nlisten = []\n\
                  [phones]\nhttps = []\nhttp = []\n[console]\nhttps = [\"127.0.0.1:0\"]\n";
    fs::write(dir.join("fulmar.toml"), config).unwrap();
    let mut command = Command::new(program("fulmard").unwrap());
    command.args(["--config", "fulmar.toml"]).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::piped());
    for (name, value) in environment {
        let value =
            if *name == "NOTIFY_SOCKET" { dir.join(value).display().to_string() } else { (*value).into() };
        command.env(name, value);
    }
    command.spawn().unwrap()
}

#[tokio::test]
async fn a_second_box_on_the_same_socket_is_refused_in_words() {
    let office = Office::new(Kind::Binary).await.unwrap();
    let second = Command::new(program("fulmard").unwrap())
        .arg("--config")
        .arg(office.dir().join("fulmar.toml"))
        .output()
        .unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("is `fulmard` running already?"), "{said}");
}

#[tokio::test]
async fn a_database_of_a_later_release_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("state")).unwrap();
    let database = rusqlite::Connection::open(dir.path().join("state/fulmar.db")).unwrap();
    database
        .execute_batch("PRAGMA application_id = 0x466c6d72; PRAGMA user_version = 99; CREATE TABLE x (y)")
        .unwrap();
    let output = fulmard(dir.path(), &[]).wait_with_output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("start the release that wrote it"), "{said}");
}

#[tokio::test]
async fn the_command_line_administers_the_box() {
    let office = Office::new(Kind::Binary).await.unwrap();
    let control = |arguments: &[&str]| {
        let output = Command::new(program("fulmarctl").unwrap())
            .arg("--socket")
            .arg(office.dir().join("admin.sock"))
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let (passed, said, _) = control(&["user", "add", "dora@office.test", "--name", "Dora"]);
    assert!(passed && said.contains("Password: "), "{said}");
    let (passed, _, said) = control(&["user", "add", "dora@office.test", "--name", "Dora"]);
    assert!(!passed && said.contains("`dora@office.test` is taken"), "{said}");
    let (passed, _, said) = control(&["user", "add", "x@other.test", "--name", "X"]);
    assert!(!passed && said.contains("does not have the SIP domain `other.test`"), "{said}");
    assert!(control(&["user", "disable", "dora@office.test"]).0);
    let (_, said, _) = control(&["user", "list"]);
    assert!(said.contains("dora@office.test   Dora  (disabled)"), "{said}");
    let home = "https://pool2.office.test/Autodiscover/AutodiscoverService.svc/root";
    let (passed, said, _) = control(&["user", "home", "dora@office.test", home]);
    assert!(passed && said.contains("is at home at https://pool2.office.test/"), "{said}");
    let (_, said, _) = control(&["user", "list"]);
    assert!(said.contains(&format!("dora@office.test   Dora  (disabled)  (at home at {home})")), "{said}");
    let web_host =
        ["office", "set", "--domain", "office.test", "--inside", "127.0.0.1", "--web-host", "pool2"];
    let (passed, _, said) = control(&web_host);
    assert!(!passed && said.contains("people are at home at `pool2.office.test`"), "{said}");
    assert!(control(&["user", "home", "dora@office.test", "here"]).0);
    let inside = ["office", "set", "--domain", "office.test", "--inside", "127.0.0.1"];
    let (passed, said, _) = control(&inside);
    assert!(passed && !said.contains("Warning"), "{said}");
    let (passed, said, _) = control(&[&inside[..], &["--inside", "192.0.2.77"]].concat());
    assert!(
        passed && said.contains("Warning: the inside address 192.0.2.77 is not one of this box."),
        "{said}"
    );
    assert_eq!(said.matches("Warning").count(), 1, "{said}");
    let (_, said, _) = control(&["zone", "show"]);
    assert!(said.contains("lyncdiscover.office.test."), "{said}");
    let (_, said, _) = control(&["zone", "show", "--outside"]);
    assert!(said.starts_with("; Nobody outside is answered"), "{said}");
    let (passed, _, said) = control(&[&inside[..], &["--https-port", "0"]].concat());
    assert!(!passed && said.contains("'--https-port <HTTPS_PORT>'"), "{said}");
    let (passed, _, said) = control(&["office", "set", "--domain", "other.test", "--inside", "127.0.0.1"]);
    assert!(!passed && said.contains("people have addresses in `office.test`"), "{said}");
}
