//! Clients of UCWA that others wrote, as they are, in a network of their own. The other person is at a terminal and
//! speaks MCX.

use fulmar_suite::{Dialogue, PASSWORD, PrivateOffice, program};
use tokio::process::Command;

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/ucwa");

/// The Python to which `cargo xtask test` gives the packages of others.
pub(crate) fn python() -> String {
    let built = program("fulmard").unwrap();
    let python = built.ancestors().nth(2).unwrap().join("tools/python/bin/python");
    assert!(python.is_file(), "`{}` is not there: `cargo xtask test` makes it", python.display());
    python.to_string_lossy().into_owned()
}

/// Somebody at a client of others.
async fn client(private: &PrivateOffice, program: &str, script: &str, who: &str) -> Dialogue {
    let mut command = private.network.command(program);
    command.arg(format!("{CLIENTS}/{script}")).arg(private.authority()).arg(format!("{who}@office.test"));
    let mut client = Dialogue::start(Command::from(command)).unwrap();
    client.say(PASSWORD).await.unwrap();
    client
}

/// Somebody at a terminal.
async fn terminal(private: &PrivateOffice, who: &str) -> Dialogue {
    let password = private.office.dir().join(format!("{who}.password"));
    std::fs::write(&password, PASSWORD).unwrap();
    let mut command = private.network.command(program("fulmarctl").unwrap());
    command.args(["chat", "--as", &format!("{who}@office.test"), "--dns", "192.168.77.1:53"]);
    command.arg("--ca").arg(private.authority()).arg("--password-file").arg(password);
    let mut chat = Dialogue::start(Command::from(command)).unwrap();
    chat.hear("/help says").await.unwrap();
    chat
}

#[tokio::test]
async fn the_client_on_pypi_signs_in_is_seen_and_answers() {
    let private = PrivateOffice::new(443).await.unwrap();
    let mut ben = terminal(&private, "ben").await;
    let mut anna = client(&private, &python(), "pypi_client.py", "anna").await;
    anna.hear("an application of anna").await.unwrap();
    anna.hear("available").await.unwrap();
    ben.hear("anna is online").await.unwrap();
    ben.say("/with anna").await.unwrap();
    ben.say("Lunch at one, by bike & täglich?").await.unwrap();
    anna.hear("accepting messaging invite from ben").await.unwrap();
    ben.hear("anna takes part").await.unwrap();
    anna.hear("heard Lunch at one, by bike & täglich?").await.unwrap();
    let answer = ben.hear("You said").await.unwrap();
    assert!(answer.ends_with("anna: You said Lunch at one, by bike & täglich?"), "{answer}");
    // The package greets whom it has let in.
    assert!(ben.heard.iter().any(|line| line.ends_with("anna: hi")), "{:#?}", ben.heard);
    ben.say("And two?").await.unwrap();
    ben.hear("anna: You said And two?").await.unwrap();
}

#[tokio::test]
async fn a_client_in_javascript_that_follows_the_reference_talks_both_ways() {
    let private = PrivateOffice::new(443).await.unwrap();
    let mut ben = terminal(&private, "ben").await;
    let mut command = private.network.command("node");
    command.arg(format!("{CLIENTS}/follow.mjs")).arg("anna@office.test");
    command.env("NODE_EXTRA_CA_CERTS", private.authority());
    let mut anna = Dialogue::start(Command::from(command)).unwrap();
    anna.say(PASSWORD).await.unwrap();
    anna.hear("signed in as anna").await.unwrap();
    anna.hear("contacts Alice, ben, carla; policies").await.unwrap();
    ben.hear("anna is online").await.unwrap();
    anna.say("busy").await.unwrap();
    ben.hear("anna is busy").await.unwrap();

    anna.say("invite ben@office.test Lunch at one, by bike & täglich?").await.unwrap();
    anna.hear("invitation Connecting").await.unwrap();
    ben.hear("anna asks you for a conversation").await.unwrap();
    ben.say("/accept").await.unwrap();
    ben.hear("anna: Lunch at one, by bike & täglich?").await.unwrap();
    anna.hear("invitation Outgoing Success").await.unwrap();
    ben.say("/typing").await.unwrap();
    anna.hear("ben writes").await.unwrap();
    anna.say("write").await.unwrap();
    ben.hear("anna is writing").await.unwrap();
    ben.say("At the gate + 5 min").await.unwrap();
    anna.hear("ben: At the gate + 5 min").await.unwrap();
    ben.hear("anna: You said At the gate + 5 min").await.unwrap();
    anna.say("leave").await.unwrap();
    ben.hear("anna left the conversation").await.unwrap();
    anna.hear("the conversation is over").await.unwrap();

    ben.say("/with anna").await.unwrap();
    ben.say("Once more").await.unwrap();
    ben.hear("anna takes part").await.unwrap();
    ben.hear("anna: You said Once more").await.unwrap();
    anna.say("quit").await.unwrap();
    let (status, heard) = anna.end().await.unwrap();
    assert!(status.success() && heard.last().unwrap() == "signed out", "{heard:#?}");
    ben.hear("anna is offline").await.unwrap();
}
