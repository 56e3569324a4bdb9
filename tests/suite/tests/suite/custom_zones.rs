//! Records and zones of the administrator's own: served beside the generated ones, or refused without a trace.

use std::{fs, process::Command};

use fulmar_suite::{Kind, Office, program};
use serde_json::{Value, json};

const ZONE: &str =
    "$TTL 60\n@ SOA ns hostmaster 7 3600 600 604800 60\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.80\n";

/// What `fulmarctl dns` says, and whether it succeeds.
async fn control(office: &Office, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(program("fulmarctl").unwrap());
    command.arg("--socket").arg(office.dir().join("admin.sock")).arg("dns").args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

async fn done(office: &Office, arguments: &[&str]) -> String {
    let (done, said) = control(office, arguments).await;
    assert!(done, "{arguments:?}: {said}");
    said
}

async fn refused(office: &Office, arguments: &[&str]) -> String {
    let (done, said) = control(office, arguments).await;
    assert!(!done, "{arguments:?}: {said}");
    said
}

async fn dig(office: &Office, arguments: &[&str]) -> String {
    let mut command = Command::new("dig");
    command
        .args(["@127.0.0.1", "-p", &office.dns().port().to_string(), "+time=2", "+tries=2"])
        .args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().expect("`dig` starts")).await.unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn address(office: &Office, name: &str) -> String {
    dig(office, &[name, "A", "+short"]).await
}

async fn serial(office: &Office, zone: &str) -> u32 {
    let soa = dig(office, &[zone, "SOA", "+short"]).await;
    soa.split(' ').nth(2).unwrap_or_else(|| panic!("`{soa}` is no SOA")).parse().unwrap()
}

#[tokio::test]
async fn a_record_is_answered_until_it_is_removed() {
    let mut office = Office::new(Kind::Binary).await.unwrap();
    let record = "printer 300 IN A 192.168.1.9";
    let before = serial(&office, "office.test").await;
    done(&office, &["record", "add", record]).await;
    assert_eq!(address(&office, "printer.office.test").await, "192.168.1.9");
    assert_eq!(address(&office, "web.office.test").await, "127.0.0.1");
    assert!(serial(&office, "office.test").await > before);
    office.power_cut().await.unwrap();
    assert!(done(&office, &["record", "list"]).await.contains(record));
    assert_eq!(address(&office, "printer.office.test").await, "192.168.1.9");
    assert!(refused(&office, &["record", "remove", "printer A 192.0.2.1"]).await.contains("was not added"));
    assert!(refused(&office, &["record", "add", record]).await.contains("was added already"));
    let said = refused(&office, &["record", "add", "web A 192.0.2.1"]).await;
    assert!(said.contains("line 1: the records of `web.office.test.` follow"), "{said}");
    done(&office, &["record", "remove", record]).await;
    assert_eq!(address(&office, "printer.office.test").await, "");
    done(&office, &["undo"]).await;
    assert_eq!(address(&office, "printer.office.test").await, "192.168.1.9");
}

#[tokio::test]
async fn a_bad_line_is_named_and_nothing_changes() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let before = serial(&office, "office.test").await;
    for (records, zone, reason) in [
        ("a A 192.0.2.1\nb A 192.0.2.300\n", "office.test", "line 2: `192.0.2.300` is not"),
        (
            "a A 192.0.2.1\nweb A 192.0.2.1\n",
            "office.test",
            "line 2: the records of `web.office.test.` follow",
        ),
        ("a A 192.0.2.1\na CNAME b", "office.test", "line 2: `a.office.test.` has other records"),
        ("a A 192.0.2.1", "other.test", "no zone `other.test` follows from the office"),
        ("\n; nothing\n", "office.test", "no record in the text"),
    ] {
        let body = json!({ "zone": zone, "side": "inside", "records": records });
        let path = "/api/v1/zones/records";
        let error = office.admin().change(http::Method::POST, path, &body).await.unwrap_err().to_string();
        assert!(error.contains(reason), "{records}: {error}");
    }
    assert!(refused(&office, &["undo"]).await.contains("no change to undo"));
    assert_eq!(address(&office, "a.office.test").await, "");
    assert_eq!(serial(&office, "office.test").await, before);
    let lists: Vec<Value> = office.admin().get("/api/v1/zones/records").await.unwrap();
    assert!(lists.is_empty(), "{lists:?}");
}

#[tokio::test]
async fn an_imported_zone_is_served_to_clients_and_secondaries() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let file = office.dir().join("lab.zone").display().to_string();
    let import = ["zone", "import", "lab.example", file.as_str()];
    let secondary = ["secondary", "add", "plain", "127.0.0.2:53", "--side", "inside", "--by-address-alone"];
    done(&office, &secondary).await;
    fs::write(&file, ZONE).unwrap();
    done(&office, &import).await;
    assert_eq!(address(&office, "www.lab.example").await, "192.0.2.80");
    let first = serial(&office, "lab.example").await;
    fs::write(&file, ZONE.replace("192.0.2.80", "192.0.2.81")).unwrap();
    done(&office, &import).await;
    let second = serial(&office, "lab.example").await;
    assert!(second > first, "{second} is not newer than {first}");
    let whole = dig(&office, &["-b", "127.0.0.2", "lab.example", "AXFR"]).await;
    assert!(whole.contains("192.0.2.81") && whole.contains(&second.to_string()), "{whole}");
    assert_eq!(whole.matches("\tSOA\t").count(), 2, "{whole}");

    let later = ["secondary", "add", "later", "127.0.0.3:53", "--side", "inside"];
    assert!(done(&office, &later).await.contains("may take: office.test. lab.example."));
    let third = serial(&office, "lab.example").await;

    fs::write(&file, ZONE.replace("www A", "www AA")).unwrap();
    let said = refused(&office, &import).await;
    assert!(said.contains("line 5: `AA` is not a type of records"), "{said}");
    for name in ["office.test", "web.office.test"] {
        let said = refused(&office, &["zone", "import", name, &file]).await;
        assert!(said.contains("follows from the office"), "{said}");
    }
    assert_eq!(address(&office, "www.lab.example").await, "192.0.2.81");
    assert_eq!(serial(&office, "lab.example").await, third);
    let text = done(&office, &["zone", "export", "lab.example"]).await;
    assert_eq!(text, ZONE.replace("192.0.2.80", "192.0.2.81"));
    done(&office, &["zone", "remove", "lab.example"]).await;
    assert!(dig(&office, &["www.lab.example", "A"]).await.contains("REFUSED"));
    assert_eq!(done(&office, &["zone", "list"]).await, "No zone was imported.\n");
}

#[tokio::test]
async fn a_zone_has_a_mebibyte_at_most() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let file = office.dir().join("lab.zone").display().to_string();
    let import = ["zone", "import", "lab.example", file.as_str()];
    let long = |bytes: usize| format!("{ZONE};{}\n", "x".repeat(bytes - ZONE.len() - 2));
    fs::write(&file, long(1_048_577)).unwrap();
    assert!(refused(&office, &import).await.contains("1048576"));
    fs::write(&file, long(1_048_576)).unwrap();
    done(&office, &import).await;
    assert_eq!(address(&office, "www.lab.example").await, "192.0.2.80");
}
