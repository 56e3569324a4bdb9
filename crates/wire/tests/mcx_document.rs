//! Every example of the specification is read and written by the code that serves it.
#![expect(clippy::unwrap_used, reason = "tests")]

use fulmar_wire::mcx::{Events, McxError, Requests, Responses};

const SPECIFICATION: &str = include_str!("../../mobility/MCX.md");

fn examples() -> Vec<&'static str> {
    SPECIFICATION.split("```xml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Elements, attributes in any order, and text that is not only layout.
fn structure(document: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(document).unwrap();
    let nodes = document.descendants().map(|node| {
        let mut attributes: Vec<_> =
            node.attributes().map(|a| format!("{}={}", a.name(), a.value())).collect();
        attributes.sort();
        format!("{:?} {attributes:?} {:?}", node.tag_name(), node.text().filter(|_| node.is_text()))
    });
    nodes.filter(|node| !node.contains(r#"Some("\n"#)).collect()
}

#[test]
fn every_example_is_read_and_written_the_same() {
    let examples = examples();
    assert_eq!(examples.len(), 8);
    for example in examples {
        let written = match example.split([' ', '\n']).next().unwrap() {
            "<mcxRequests" => {
                let requests = Requests::parse(example.as_bytes()).unwrap();
                assert!(requests.commands.iter().all(Result::is_ok), "{requests:?}");
                requests.to_xml()
            }
            "<mcxResponses" => Responses::parse(example.as_bytes()).unwrap().to_xml(),
            "<mcxEvents" => Events::parse(example.as_bytes()).unwrap().to_xml(),
            "<mcxError" => McxError::parse(example.as_bytes()).unwrap().to_xml(),
            other => panic!("the example begins with {other}"),
        };
        assert_eq!(structure(&written), structure(example));
    }
}

#[test]
fn every_code_of_the_tables_is_one_that_the_code_knows() {
    for code in [
        "malformed",
        "unknownCommand",
        "invalidValue",
        "tooManyCommands",
        "noSession",
        "notAllowed",
        "serviceFailure",
    ] {
        assert!(SPECIFICATION.contains(&format!("| `{code}` |")), "{code} is not in the specification");
        let answer = format!(
            r#"<mcxResponses xmlns="urn:fulmar:mcx:1"><requestRejected code="{code}" reason=""/></mcxResponses>"#
        );
        assert!(Responses::parse(answer.as_bytes()).is_ok(), "{code}");
    }
}
