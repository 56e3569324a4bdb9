//! Every case of the dataset passes, those with DNAME too.

use std::path::Path;

use dns_conformance::{load, run};

#[tokio::test]
async fn every_case_is_answered_as_four_servers_answer_it() {
    let cases = load(Path::new("data/cases.jsonl.gz")).unwrap();
    assert_eq!(cases.len(), 5051);
    assert_eq!(cases.iter().filter(|case| case.mentions_dname()).count(), 1809);
    let report = run(cases, 0).await.unwrap();
    let first = report.differences.first().map(|d| format!("{}{:?}", d.case, d.got));
    assert!(
        report.differences.is_empty(),
        "{}/{}\n{}",
        report.passed(),
        report.total,
        first.unwrap_or_default()
    );
}

#[tokio::test]
async fn a_wrong_answer_is_noticed() {
    let mut cases = load(Path::new("data/cases.jsonl.gz")).unwrap();
    cases.truncate(40);
    for case in &mut cases {
        // The serial is in every denial, the name server in answers and referrals of the apex.
        case.zone[0] = case.zone[0].replace(" 3 604800", " 4 604800");
        case.zone[1] = case.zone[1].replace("ns1.outside.edu.", "ns2.outside.edu.");
    }
    let report = run(cases, 0).await.unwrap();
    assert_eq!(report.passed(), 20, "referrals and data stay the same, denials and name servers do not");
}
