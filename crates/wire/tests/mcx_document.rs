//! Every example of the specification is read and written by the code that serves it.
#![expect(clippy::unwrap_used, reason = "tests")]

use fulmar_wire::mcx::{Events, McxError, Requests, Responses};

const SPECIFICATION: &str = include_str!("../../mobility/MCX.md");

/// What stands before a block, up to its first character that is no letter, and the block.
fn examples() -> Vec<(&'static str, &'static str)> {
    let blocks: Vec<_> = SPECIFICATION.split("```xml\n").collect();
    let example = |pair: &[&'static str]| {
        let label = pair[0].trim_end().lines().last().unwrap();
        let kind = label.split(|character: char| !character.is_alphabetic()).next().unwrap();
        (kind, pair[1].split("```").next().unwrap())
    };
    blocks.windows(2).map(example).collect()
}

/// Elements, attributes in any order, and text that is not only layout.
fn structure(document: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(document).unwrap();
    let layout =
        |node: &roxmltree::Node<'_, '_>| node.is_text() && node.text().unwrap_or_default().trim().is_empty();
    let nodes = document.descendants().filter(|node| !layout(node));
    let describe = |node: roxmltree::Node<'_, '_>| {
        let mut attributes: Vec<_> =
            node.attributes().map(|a| format!("{}={}", a.name(), a.value())).collect();
        attributes.sort();
        let depth = node.ancestors().count();
        format!("{depth} {:?} {attributes:?} {:?}", node.tag_name(), node.text().filter(|_| node.is_text()))
    };
    nodes.map(describe).collect()
}

#[test]
fn every_example_is_read_and_written_the_same() {
    let examples = examples();
    assert_eq!(examples.len(), SPECIFICATION.matches("```xml").count());
    for (kind, example) in examples {
        let bytes = example.as_bytes();
        let written = match kind {
            "Request" => {
                let requests = Requests::parse(bytes).unwrap();
                assert!(requests.commands.iter().all(Result::is_ok), "{requests:?}");
                requests.to_xml()
            }
            "Answer" => Responses::parse(bytes).unwrap().to_xml(),
            "Events" => Events::parse(bytes).unwrap().to_xml(),
            "Error" => McxError::parse(bytes).unwrap().to_xml(),
            other => panic!("before the example stands `{other}`:\n{example}"),
        };
        assert_eq!(structure(&written), structure(example));
    }
}

const ELEMENTS: &[&str] = &[
    "initiateSession",
    "terminateSession",
    "queryContactList",
    "search",
    "addGroup",
    "renameGroup",
    "deleteGroup",
    "addContact",
    "removeContact",
    "publishSelfPresence",
    "reportActivity",
    "setPhoto",
    "subscribePresence",
    "startSubscription",
    "addToSubscription",
    "removeFromSubscription",
    "extendSubscription",
    "endSubscription",
    "setApplicationState",
    "registerPush",
    "unregisterPush",
    "testPush",
    "initiateImSession",
    "inviteParticipant",
    "queryImSessions",
    "planMeeting",
    "changeMeeting",
    "deleteMeeting",
    "queryMeetings",
    "joinMeeting",
    "startMeeting",
    "acceptImSession",
    "declineImSession",
    "cancelInvitation",
    "acknowledgeMissed",
    "terminateImSession",
    "sendMessage",
    "queryMessages",
    "markRead",
    "muteImSession",
    "unmuteImSession",
    "notifyComposing",
    "requestAccepted",
    "initiateSessionAccepted",
    "requestRejected",
    "requestSucceeded",
    "requestFailed",
    "contactList",
    "searchResult",
    "groupChanged",
    "contactChanged",
    "userPresence",
    "selfPresence",
    "subscriptionChanged",
    "meeting",
    "meetingDeleted",
    "meetingJoined",
    "imSessionReceived",
    "imSessionStarted",
    "invitationEnded",
    "imSession",
    "imSessionMuted",
    "missedConversations",
    "resync",
    "imSessionState",
    "messageReceived",
    "messageSent",
    "messageDelivered",
    "messageRead",
    "messageFailed",
    "composing",
    "pushTested",
];

#[test]
fn every_element_of_the_grammar_has_a_row_and_an_example() {
    let examples: String = examples().into_iter().map(|(_, example)| example).collect();
    let rows = SPECIFICATION.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let elements: Vec<_> = rows.map(|(name, _)| name).collect();
    for name in ELEMENTS {
        assert!(elements.contains(name), "`{name}` has no row");
        assert!(examples.contains(&format!("<{name} ")), "`{name}` has no example");
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
