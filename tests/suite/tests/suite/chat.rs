//! `fulmarctl chat`, with its input and output in pipes.

use fulmar_suite::{Dialogue, Kind, Office, PASSWORD, program};
use serde_json::Value;
use tokio::process::Command;

async fn chat(office: &Office, who: &str, options: &[&str]) -> Dialogue {
    let password = office.dir().join(format!("{who}.password"));
    std::fs::write(&password, PASSWORD).unwrap();
    let mut command = Command::new(program("fulmarctl").unwrap());
    command.args(["chat", "--as", &format!("{who}@office.test"), "--dns", &office.dns().to_string()]);
    command.args(["--port", &office.https().port().to_string()]).args(options);
    command.arg("--ca").arg(office.dir().join("state/tls/ca.pem")).arg("--password-file").arg(password);
    let mut chat = Dialogue::start(command).unwrap();
    chat.hear("/help says").await.unwrap();
    chat
}

async fn sessions(office: &Office) -> usize {
    office.admin().get::<Vec<Value>>("/api/v1/sessions").await.unwrap().len()
}

#[tokio::test]
async fn two_people_talk_at_their_terminals() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut ben = chat(&office, "ben", &[]).await;
    let mut anna = chat(&office, "anna", &["--with", "ben@office.test"]).await;
    assert!(anna.heard.iter().any(|line| line.contains("ben@office.test") && line.ends_with("online")));
    ben.hear("anna asks you for a conversation").await.unwrap();
    ben.say("/accept").await.unwrap();
    anna.hear("ben takes part").await.unwrap();
    anna.say("Lunch at one, by bike?").await.unwrap();
    assert!(ben.hear("Lunch").await.unwrap().ends_with("anna: Lunch at one, by bike?"));
    anna.hear("(delivered to ben)").await.unwrap();
    ben.say("/typing").await.unwrap();
    anna.hear("(ben is writing …)").await.unwrap();
    ben.say("At the gate.").await.unwrap();
    anna.hear("ben: At the gate.").await.unwrap();
    ben.say("/quit").await.unwrap();
    let (status, heard) = ben.end().await.unwrap();
    assert!(status.success() && heard.last().unwrap() == "Signed out.", "{heard:?}");
    anna.hear("ben is offline").await.unwrap();
    let (status, heard) = anna.end_of_input().await.unwrap();
    assert!(status.success() && heard.last().unwrap() == "Signed out.", "{heard:?}");
    assert_eq!(sessions(&office).await, 0);
}

#[tokio::test]
async fn an_invitation_is_declined_and_what_can_not_be_done_is_said() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut ben = chat(&office, "ben", &[]).await;
    let mut anna = chat(&office, "anna", &[]).await;
    for (typed, said) in [
        ("Hello?", "Not done: there is nobody to write to"),
        ("/accept", "Not done: there is no such invitation"),
        ("/with nobody", "noSuchPerson"),
        ("/dance", "There is no `/dance`"),
    ] {
        anna.say(typed).await.unwrap();
        anna.hear(said).await.unwrap();
    }
    anna.say("/with ben").await.unwrap();
    ben.hear("anna asks you").await.unwrap();
    ben.say("/decline anna").await.unwrap();
    anna.hear("ben declined").await.unwrap();
    anna.say("But").await.unwrap();
    anna.hear("nobody to write to").await.unwrap();
    anna.say(b"\xff").await.unwrap();
    anna.hear("UTF-8").await.unwrap();
    for chat in [anna, ben] {
        assert!(chat.end_of_input().await.unwrap().0.success());
    }
}

#[tokio::test]
async fn a_pipe_that_ends_at_once_has_said_everything() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut anna = chat(&office, "anna", &["--with", "ben"]).await;
    anna.say("One").await.unwrap();
    anna.say("Two").await.unwrap();
    assert!(anna.end_of_input().await.unwrap().0.success());
    let mut ben = chat(&office, "ben", &[]).await;
    ben.heard.retain(|line| line.contains("anna: "));
    while ben.heard.len() < 2 {
        let line = ben.hear("anna: ").await.unwrap();
        ben.heard.retain(|line| line.contains("anna: "));
        assert!(line.ends_with("One") || line.ends_with("Two"), "{line}");
    }
    assert!(ben.heard[0].ends_with("One") && ben.heard[1].ends_with("Two"), "{:?}", ben.heard);
    assert!(ben.end_of_input().await.unwrap().0.success());
    // What was shown is not shown again.
    let ben = chat(&office, "ben", &[]).await;
    let (_, heard) = ben.end_of_input().await.unwrap();
    assert!(!heard.iter().any(|line| line.contains("anna: ")), "{heard:?}");
}

#[tokio::test]
async fn an_interrupt_signs_out() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = chat(&office, "anna", &[]).await;
    assert_eq!(sessions(&office).await, 1);
    let pid = anna.pid().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    let (status, heard) = anna.end().await.unwrap();
    assert!(status.success() && heard.last().unwrap() == "Signed out.", "{heard:?}");
    assert_eq!(sessions(&office).await, 0);
}

#[tokio::test]
async fn a_chat_goes_on_when_the_box_was_away_and_ends_when_its_session_does() {
    let mut office = Office::new(Kind::Binary).await.unwrap();
    let mut ben = chat(&office, "ben", &[]).await;
    let mut anna = chat(&office, "anna", &["--with", "ben"]).await;
    ben.hear("anna asks you").await.unwrap();
    office.machine.kill().unwrap();
    for chat in [&mut anna, &mut ben] {
        chat.hear("The box does not answer").await.unwrap();
    }
    office.power_cut().await.unwrap();
    for chat in [&mut anna, &mut ben] {
        chat.hear("The box answers again").await.unwrap();
    }
    anna.say("Still there?").await.unwrap();
    ben.hear("anna: Still there?").await.unwrap();
    let other = chat(&office, "ben", &[]).await;
    let (status, _) = ben.end().await.unwrap();
    assert!(!status.success(), "the session was taken over");
    for chat in [anna, other] {
        assert!(chat.end_of_input().await.unwrap().0.success());
    }
}
