//! What a person may have at most: one more is refused in the words of each façade, and nothing happens.

use fulmar_suite::{Kind, Office};
use fulmar_support::ucwa::{Application, Refused};
use fulmar_wire::mcx::{About, Command, PeopleCommand};
use fulmarctl::phone::Phone;
use serde_json::{Value, json};

/// anna with a phone and a client of UCWA, in an office whose database is at hand.
struct Anna {
    office: Office,
    phone: Phone,
    client: Application,
}

impl Anna {
    async fn new() -> Self {
        let office = Office::new(Kind::InProcess).await.unwrap();
        let phone = office.sign_in("anna", "phone").await.unwrap();
        let client = office.application("anna", "e-1").await.unwrap();
        client.make_available("Online").await.unwrap();
        Self { office, phone, client }
    }

    /// What was there before.
    fn before(&self, sql: &str) {
        rusqlite::Connection::open(self.office.database()).unwrap().execute_batch(sql).unwrap();
    }

    /// How the phone is refused.
    async fn phone(&mut self, command: Command) -> String {
        let refused = self.phone.perform(command).await.unwrap_err().to_string();
        refused.split_once("failed: ").unwrap().1.to_owned()
    }

    /// How the client is refused: status, code and subcode.
    async fn client(&mut self, resource: &[&str], link: &str, body: Value) -> (u16, String, String) {
        let place = self.client.follow(resource).await.unwrap().link(link).unwrap().to_owned();
        self.client_at(&place, body).await
    }

    async fn client_at(&mut self, place: &str, body: Value) -> (u16, String, String) {
        let refused: Refused = self.client.post(place, &body).await.unwrap_err().downcast().unwrap();
        (refused.status.as_u16(), refused.code, refused.subcode)
    }
}

fn refused(status: u16, code: &str, subcode: &str) -> (u16, String, String) {
    (status, code.to_owned(), subcode.to_owned())
}

/// Rows of numbers below that.
fn numbers(below: u32) -> String {
    format!(
        "WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < {below})"
    )
}

const ANNA: &str = "(SELECT id FROM account WHERE uri = 'sip:anna@office.test')";
const BEN: &str = "(SELECT id FROM account WHERE uri = 'sip:ben@office.test')";
const NOW: &str = "unixepoch() * 1000";

#[tokio::test]
async fn a_thousand_conversations() {
    let mut anna = Anna::new().await;
    let numbers = numbers(1000);
    anna.before(&format!(
        "{numbers} INSERT INTO conversation (name, creator, created_at) SELECT 'c' || n, {ANNA}, {NOW} FROM number;
         INSERT INTO participant (conversation, account, participation) SELECT id, {ANNA}, 'connected' FROM conversation;
         INSERT INTO participant (conversation, account, participation) SELECT id, {BEN}, 'connected' FROM conversation;"
    ));
    let ben = "sip:ben@office.test";
    let begin = Command::InitiateImSession { to: ben.to_owned(), about: About::default(), first: None };
    assert_eq!(anna.phone(begin).await, "tooManyConversations");
    let body = json!({ "to": ben, "operationId": "o-1" });
    let told = anna.client(&["communication"], "startMessaging", body).await;
    assert_eq!(told, refused(409, "Conflict", "TooManyConversations"));
}

#[tokio::test]
async fn two_hundred_and_fifty_participants() {
    let mut anna = Anna::new().await;
    let numbers = numbers(249);
    anna.before(&format!(
        "{numbers} INSERT INTO account (uri, domain, display_name, password_hash, created_at)
         SELECT 'sip:p' || n || '@office.test', 'office.test', 'P', '', 0 FROM number;
         INSERT INTO conversation (name, creator, created_at) VALUES ('c', {ANNA}, {NOW});
         INSERT INTO participant (conversation, account, participation) SELECT c.id, a.id, 'connected' FROM conversation c JOIN account a
             WHERE a.password_hash = '' OR a.id = {ANNA};"
    ));
    let ben = "sip:ben@office.test".to_owned();
    let one_more = Command::InviteParticipant { conf_id: "c".to_owned(), to: ben, operation_id: None };
    assert_eq!(anna.phone(one_more).await, "tooManyParticipants");
    let place = format!("{}/communication/participantInvitations?conversation=c", anna.client.href());
    let told = anna.client_at(&place, json!({ "to": "sip:ben@office.test", "operationId": "o-1" })).await;
    assert_eq!(told, refused(409, "Conflict", "TooManyParticipants"));
}

#[tokio::test]
async fn sixty_four_groups() {
    let mut anna = Anna::new().await;
    let numbers = numbers(64);
    anna.before(&format!("{numbers} INSERT INTO contact_group (owner, name) SELECT {ANNA}, n FROM number"));
    let one_more = Command::People(PeopleCommand::AddGroup { name: "one more".to_owned() });
    assert_eq!(anna.phone(one_more).await, "tooManyGroups");
    let told = anna.client(&["people"], "myGroups", json!({ "displayName": "one more" })).await;
    assert_eq!(told, refused(409, "Conflict", "TooManyGroups"));
    let told = anna.client(&["people"], "myGroups", json!({ "displayName": "one more" })).await;
    assert_eq!(told, refused(409, "Conflict", "TooManyGroups"));
}

#[tokio::test]
async fn two_hundred_and_fifty_contacts() {
    let mut anna = Anna::new().await;
    let numbers = numbers(250);
    anna.before(&format!(
        "{numbers} INSERT INTO account (uri, domain, display_name, password_hash, created_at)
         SELECT 'sip:p' || n || '@office.test', 'office.test', 'P', '', 0 FROM number;
         INSERT INTO contact_mark (owner, contact, mark)
             SELECT {ANNA}, id, 'pinned' FROM account WHERE password_hash = '';"
    ));
    let (uri, group_id) = ("sip:ben@office.test".to_owned(), "pinned".to_owned());
    let one_more = Command::People(PeopleCommand::AddContact { uri, group_id });
    assert_eq!(anna.phone(one_more).await, "tooManyContacts");
    let body = json!({ "contactUri": "sip:ben@office.test", "groupId": "pinned" });
    let told = anna.client(&["people"], "myGroupMemberships", body).await;
    assert_eq!(told, refused(409, "Conflict", "LimitExceeded"));
    let body = json!({ "contactUri": "sip:ben@office.test", "groupId": "pinned" });
    let told = anna.client(&["people"], "myGroupMemberships", body).await;
    assert_eq!(told, refused(409, "Conflict", "LimitExceeded"));
}

#[tokio::test]
async fn twenty_five_delegates() {
    let mut anna = Anna::new().await;
    let numbers = numbers(25);
    anna.before(&format!(
        "{numbers} INSERT INTO account (uri, domain, display_name, password_hash, created_at)
         SELECT 'sip:p' || n || '@office.test', 'office.test', 'P', '', 0 FROM number;
         INSERT INTO contact_mark (owner, contact, mark)
             SELECT {ANNA}, id, 'delegate' FROM account WHERE password_hash = '';"
    ));
    let (uri, group_id) = ("sip:ben@office.test".to_owned(), "delegates".to_owned());
    let one_more = Command::People(PeopleCommand::AddContact { uri, group_id });
    assert_eq!(anna.phone(one_more).await, "limitExceeded");
    let body = json!({ "contactUri": "sip:ben@office.test", "groupId": "delegates" });
    let told = anna.client(&["people"], "myGroupMemberships", body).await;
    assert_eq!(told, refused(403, "Forbidden", "LimitExceeded"));
}

#[tokio::test]
async fn sixty_four_subscriptions_of_a_session() {
    let mut anna = Anna::new().await;
    let numbers = numbers(64);
    anna.before(&format!(
        "{numbers} INSERT INTO timed_subscription (device, name, ends_at)
         SELECT s.device, 's' || n, {NOW} + 600000 FROM number JOIN session s"
    ));
    let one_more = PeopleCommand::StartSubscription {
        subscription_id: "more".to_owned(),
        duration: "600000".to_owned(),
        group_id: None,
        uris: vec!["sip:ben@office.test".to_owned()],
    };
    assert_eq!(anna.phone(Command::People(one_more)).await, "limitExceeded");
    let body = json!({ "uris": ["sip:ben@office.test"], "duration": 10 });
    let told = anna.client(&["people"], "presenceSubscriptions", body).await;
    assert_eq!(told, refused(403, "Forbidden", "LimitExceeded"));
}

#[tokio::test]
async fn a_hundred_meetings() {
    let mut anna = Anna::new().await;
    let numbers = numbers(100);
    anna.before(&format!(
        "{numbers} INSERT INTO meeting
             (name, organizer, subject, description, access, attendees, leaders, expires_at)
         SELECT 'm' || n, {ANNA}, '', '', 'None', '', '', {NOW} + 600000 FROM number"
    ));
    let told = anna.client(&["onlineMeetings"], "myOnlineMeetings", json!({ "subject": "one more" })).await;
    assert_eq!(told, refused(409, "Conflict", "TooManyOnlineMeetings"));
}

#[tokio::test]
async fn eight_devices_that_are_all_in_use() {
    let anna = Anna::new().await;
    for device in 2..8 {
        anna.office.sign_in("anna", &format!("device-{device}")).await.unwrap();
    }
    let refusal = anna.office.sign_in("anna", "device-9").await.err().unwrap().to_string();
    assert!(refusal.starts_with("tooManySessions"), "{refusal}");
    let refusal: Refused = anna.office.application("anna", "e-9").await.err().unwrap().downcast().unwrap();
    assert_eq!(refusal.subcode, "TooManyApplications");
    // Nobody was signed out for them.
    assert!(anna.client.get(anna.client.href()).await.is_ok());
}
