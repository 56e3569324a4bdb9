//! Names, asked for with the tools of others.

use std::{fs, process::Command};

use fulmar_suite::{Kind, Office};
use http::Method;
use serde_json::json;

/// Runs a foreign program and returns what it prints.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("`{program}` does not start: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn dig(office: &Office, question: &'static [&'static str]) -> String {
    let port = office.dns().port().to_string();
    let run = move || {
        let mut arguments = vec!["@127.0.0.1", "-p", &port, "+norecurse", "+time=2", "+tries=2"];
        arguments.extend(question);
        printed("dig", &arguments)
    };
    let answer = tokio::task::spawn_blocking(run).await.unwrap();
    // One blank between fields, so that no width of a column matters.
    answer.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

#[tokio::test]
async fn dig_finds_the_box_and_what_is_not_there() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    for host in [["lyncdiscover.office.test"], ["lyncdiscoverinternal.office.test"], ["web.office.test"]] {
        let arguments: &'static [&'static str] = Box::leak(Box::new(host));
        let answer = dig(&office, arguments).await;
        assert!(answer.contains("status: NOERROR") && answer.contains("flags: qr aa;"), "{answer}");
        assert!(answer.contains(" IN A 127.0.0.1\n"), "{answer}");
    }
    let srv = dig(&office, &["_sipinternaltls._tcp.office.test", "SRV"]).await;
    assert!(srv.contains(" IN SRV 0 0 5061 sip.office.test.\n"), "{srv}");
    assert!(srv.contains("sip.office.test. 300 IN A 127.0.0.1"), "the address comes along: {srv}");
    let absent = dig(&office, &["nobody.office.test"]).await;
    assert!(absent.contains("status: NXDOMAIN") && absent.contains("office.test. 60 IN SOA "), "{absent}");
    let no_data = dig(&office, &["web.office.test", "TXT"]).await;
    assert!(no_data.contains("status: NOERROR") && no_data.contains("ANSWER: 0, AUTHORITY: 1"), "{no_data}");
    let foreign = dig(&office, &["example.org"]).await;
    assert!(foreign.contains("status: REFUSED") && !foreign.contains(" aa"), "{foreign}");
    let over_tcp = dig(&office, &["+tcp", "web.office.test"]).await;
    assert!(over_tcp.contains(" IN A 127.0.0.1\n") && over_tcp.contains("(TCP)"), "{over_tcp}");
}

#[tokio::test]
async fn names_of_others_are_asked_of_a_resolver() {
    let (office, branch) =
        (Office::new(Kind::Binary).await.unwrap(), Office::new(Kind::InProcess).await.unwrap());
    let intent = |domains: &[&str], resolvers: &[String]| json!({ "domains": domains, "inside": ["127.0.0.1"], "resolvers": resolvers });
    let set = async |office: &Office, intent| {
        office.admin().change(Method::PUT, "/api/v1/office", &intent).await.unwrap();
    };
    set(&branch, intent(&["office.test", "branch.test"], &[])).await;
    set(&office, intent(&["office.test"], &[branch.dns().to_string()])).await;
    for (transport, type_and_name) in [
        ("+notcp", ["web.branch.test", "A"]),
        ("+tcp", ["web.branch.test", "A"]),
        ("+notcp", ["_sipinternaltls._tcp.branch.test", "SRV"]),
    ] {
        let question = [&["+recurse", transport][..], &type_and_name[..]].concat();
        let answer = dig(&office, Box::leak(question.into())).await;
        assert!(answer.contains("status: NOERROR") && answer.contains("flags: qr rd ra;"), "{answer}");
        assert!(answer.contains("ANSWER: 1,") && answer.contains(" IN A 127.0.0.1\n"), "{answer}");
    }
    let absent = dig(&office, &["+recurse", "nobody.branch.test"]).await;
    assert!(absent.contains("status: NXDOMAIN") && absent.contains("IN SOA "), "{absent}");
    let not_asked_for = dig(&office, &["web.branch.test"]).await;
    assert!(not_asked_for.contains("status: REFUSED"), "{not_asked_for}");
    let metrics = format!("https://web.office.test:{}/metrics", office.addresses().console.unwrap().port());
    let metrics = office.network().unwrap().request(Method::GET, &metrics, &[], "").await.unwrap();
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    for (source, times) in [("resolver", 3), ("cache", 1), ("none", 0)] {
        let line = format!("fulmar_dns_forwarded_total{{answer=\"{source}\"}} {times}\n");
        assert!(metrics.contains(&line), "no `{line}` in\n{metrics}");
    }
}

#[tokio::test]
async fn dnsperf_loses_nothing_in_ten_seconds() {
    let office = Office::new(Kind::Binary).await.unwrap();
    let questions = office.dir().join("questions");
    let lines = "lyncdiscover.office.test A\n_sipinternaltls._tcp.office.test SRV\nnobody.office.test A\nexample.org A\n";
    fs::write(&questions, lines).unwrap();
    let (port, questions) = (office.dns().port().to_string(), questions.display().to_string());
    let run = move || printed("dnsperf", &["-s", "127.0.0.1", "-p", &port, "-d", &questions, "-l", "10"]);
    let report = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(report.contains("Queries lost:         0 (0.00%)"), "{report}");
    for code in ["NOERROR", "NXDOMAIN", "REFUSED"] {
        assert!(report.contains(code), "{report}");
    }
}
