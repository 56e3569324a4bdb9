//! What administrators are told of notifications: why a phone was woken or was not, and whether it can be.

use fulmar_standins::apns::{Behaviour, Refusal};
use fulmar_suite::{Kind, Office, uri};
use fulmar_wire::mcx::Command;
use fulmarctl::{
    admin::{PushCommand, push},
    phone::Phone,
};
use http::StatusCode;

const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

async fn told(office: &Office, command: PushCommand) -> anyhow::Result<String> {
    let mut out = Vec::new();
    push::run(&office.admin(), command, &mut out).await?;
    Ok(String::from_utf8(out)?)
}

async fn sleep(phone: &mut Phone) {
    let registration = Command::RegisterPush { provider: "apns".into(), token: TOKEN.into() };
    phone.perform(registration).await.unwrap();
    phone.perform(Command::SetApplicationState { state: "background".into() }).await.unwrap();
}

/// An office in which anna's phone (device 1) sleeps and her tablet (device 2) can not be woken.
async fn office() -> (Office, Phone) {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut phone = office.sign_in("anna", "phone").await.unwrap();
    sleep(&mut phone).await;
    let mut tablet = office.sign_in("anna", "tablet").await.unwrap();
    tablet.perform(Command::SetApplicationState { state: "background".into() }).await.unwrap();
    (office, phone)
}

#[tokio::test]
async fn a_message_says_what_became_of_it() {
    let (office, mut phone) = office().await;
    let mut ben = office.sign_in("ben", "desk").await.unwrap();
    ben.invite(&uri("anna").unwrap(), "m-1", "Lunch?").await.unwrap();
    office.apns.wait_for_shown(1).await.unwrap();
    let said = loop {
        let said = told(&office, PushCommand::Why { message: 1 }).await.unwrap();
        if said.contains("accepted") {
            break said;
        }
        tokio::task::yield_now().await;
    };
    for part in [
        "Message 1 of ben@office.test, 20",
        "anna@office.test has not fetched it\n     1  Self-test\n",
        "queued\n",
        "sent       attempt 1\n",
        "     2  Self-test\n",
        "not-woken  the device has not said where it is woken\n",
    ] {
        assert!(said.contains(part), "{said}");
    }
    phone.message().await.unwrap();
    phone.fetch(std::time::Duration::ZERO).await.unwrap();
    let said = told(&office, PushCommand::Why { message: 1 }).await.unwrap();
    assert!(
        said.contains("anna@office.test fetched it 20") && said.contains(" on Self-test (1)\n"),
        "{said}"
    );
    assert!(said.contains("opened\n") && !said.contains("Lunch"), "{said}");
    let ledger = told(&office, PushCommand::Ledger).await.unwrap();
    assert!(ledger.contains("message-1") && ledger.contains("  apns "), "{ledger}");
    let unknown = told(&office, PushCommand::Why { message: 99 }).await.unwrap_err().to_string();
    assert!(unknown.contains("there is no message 99"), "{unknown}");
}

#[tokio::test]
async fn a_test_says_what_the_service_said() {
    let (office, _phone) = office().await;
    let test = |device| told(&office, PushCommand::Test { device });
    let said = test(1).await.unwrap();
    assert!(said.contains("The service took the notification to device 1"), "{said}");
    let unknown = test(99).await.unwrap_err().to_string();
    assert!(unknown.contains("there is no device 99: `fulmarctl device list`"), "{unknown}");
    let mute = test(2).await.unwrap_err().to_string();
    assert!(mute.contains("device 2 can not be woken: the device has not said where it is woken"), "{mute}");
    office.apns.script([Behaviour::Refuse(Refusal::new(StatusCode::BAD_REQUEST, "BadDeviceToken"))]);
    let refused = test(1).await.unwrap_err().to_string();
    assert!(refused.contains("did not arrive: refused: BadDeviceToken"), "{refused}");
}
