//! What the grammar refuses, and how.
#![expect(clippy::unwrap_used, reason = "tests")]

use fulmar_wire::mcx::{About, Command, MAX_TEXT, NAMESPACE, RejectionCode, Request, Requests};

fn commands(inside: &str) -> Vec<Result<Request, (Option<String>, RejectionCode)>> {
    let body = format!(r#"<mcxRequests sid="s" xmlns="{NAMESPACE}">{inside}</mcxRequests>"#);
    let commands = Requests::parse(body.as_bytes()).unwrap().commands;
    commands.into_iter().map(|command| command.map_err(|r| (r.rid, r.code))).collect()
}

#[test]
fn one_bad_command_does_not_hurt_the_others() {
    let read = commands(
        r#"<testPush rid="1"/><danceNow rid="2"/><sendMessage rid="3" confId="c"/><testPush/><testPush rid="5"/>"#,
    );
    let test = |rid: &str| Ok(Request { rid: rid.into(), command: Command::TestPush });
    assert_eq!(
        read,
        [
            test("1"),
            Err((Some("2".into()), RejectionCode::UnknownCommand)),
            Err((Some("3".into()), RejectionCode::Malformed)),
            Err((None, RejectionCode::Malformed)),
            test("5"),
        ]
    );
}

#[test]
fn the_seventeenth_command_is_rejected_with_all_after_it() {
    let read = commands(&r#"<testPush rid="x"/>"#.repeat(30));
    assert_eq!(read.len(), 17);
    assert_eq!(read[16], Err((Some("x".into()), RejectionCode::TooManyCommands)));
}

#[test]
fn values_out_of_bounds_are_rejected_with_the_name_of_their_command() {
    let long = "x".repeat(1025);
    for inside in [
        format!(r#"<setApplicationState rid="1" state="{long}"/>"#),
        r#"<subscribePresence rid="1"/>"#.to_owned(),
        format!(r#"<subscribePresence rid="1">{}</subscribePresence>"#, r#"<user uri="a"/>"#.repeat(101)),
        r#"<sendMessage rid="1" confId="c"><message messageId="m" format="text/rtf">x</message></sendMessage>"#.to_owned(),
    ] {
        assert_eq!(commands(&inside), [Err((Some("1".into()), RejectionCode::InvalidValue))], "{inside}");
    }
}

#[test]
fn a_document_of_something_else_is_refused_whole() {
    for body in [
        "",
        "<mcxRequests/>",
        r#"<mcxRequests xmlns="urn:fulmar:mcx:1"/>"#,
        r#"<x xmlns="urn:fulmar:mcx:1"/>"#,
    ] {
        assert!(Requests::parse(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn a_message_has_at_most_8192_bytes_wherever_it_rides() {
    let message = |bytes: usize| format!(r#"<message messageId="m">{}</message>"#, "x".repeat(bytes));
    for (open, close) in [
        (r#"<sendMessage rid="1" confId="c">"#, "</sendMessage>"),
        (r#"<initiateImSession rid="1" to="a@b">"#, "</initiateImSession>"),
    ] {
        assert!(commands(&format!("{open}{}{close}", message(MAX_TEXT)))[0].is_ok(), "{open}");
        let refused = commands(&format!("{open}{}{close}", message(MAX_TEXT + 1)));
        assert_eq!(refused, [Err((Some("1".into()), RejectionCode::InvalidValue))], "{open}");
    }
}

#[test]
fn elements_of_other_namespaces_are_not_of_the_grammar() {
    let foreign = commands(r#"<o:testPush xmlns:o="urn:other" rid="1"/><testPush rid="2"/>"#);
    assert_eq!(foreign[0], Err((Some("1".into()), RejectionCode::UnknownCommand)));
    assert!(foreign[1].is_ok());
    let message = r#"<sendMessage rid="1" confId="c"><o:message xmlns:o="urn:other" messageId="m">x</o:message></sendMessage>"#;
    assert_eq!(commands(message), [Err((Some("1".into()), RejectionCode::Malformed))]);
    let first = r#"<initiateImSession rid="1" to="a@b"><o:message xmlns:o="urn:other"/></initiateImSession>"#;
    let command = Command::InitiateImSession { to: "a@b".into(), about: About::default(), first: None };
    assert_eq!(commands(first), [Ok(Request { rid: "1".into(), command })]);
}
