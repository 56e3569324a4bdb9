//! `fulmarctl chat`, with its input and output in pipes.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use fulmar_suite::{Kind, Office, PASSWORD, program};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running chat.
struct Chat {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    heard: Vec<String>,
}

impl Chat {
    async fn start(office: &Office, who: &str, options: &[&str]) -> Self {
        let password = office.dir().join(format!("{who}.password"));
        std::fs::write(&password, PASSWORD).unwrap();
        let mut command = Command::new(program("fulmarctl").unwrap());
        command.args(["chat", "--as", &format!("{who}@office.test"), "--dns", &office.dns().to_string()]);
        command.args(["--port", &office.https().port().to_string()]).args(options);
        command.arg("--ca").arg(office.dir().join("state/tls/ca.pem")).arg("--password-file").arg(password);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut chat = Self { input: child.stdin.take(), child, output, heard: Vec::new() };
        chat.hear("/help says").await;
        chat
    }

    async fn type_line(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Reads until a line has this in it.
    async fn hear(&mut self, wanted: &str) -> String {
        loop {
            let line = timeout(PATIENCE, self.output.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("`{wanted}` is not said: {:?}", self.heard));
            let line = line.unwrap().unwrap_or_else(|| panic!("`{wanted}` was not said: {:?}", self.heard));
            self.heard.push(line.clone());
            if line.contains(wanted) {
                return line;
            }
        }
    }

    async fn end(mut self) -> (ExitStatus, Vec<String>) {
        while let Some(line) = timeout(PATIENCE, self.output.next_line()).await.unwrap().unwrap() {
            self.heard.push(line);
        }
        (timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap(), self.heard)
    }

    /// Ends the input, which ends the chat.
    async fn end_of_input(mut self) -> (ExitStatus, Vec<String>) {
        self.input = None;
        self.end().await
    }
}

async fn sessions(office: &Office) -> usize {
    office.admin().get::<Vec<Value>>("/api/v1/sessions").await.unwrap().len()
}

#[tokio::test]
async fn two_people_talk_at_their_terminals() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut ben = Chat::start(&office, "ben", &[]).await;
    let mut anna = Chat::start(&office, "anna", &["--with", "ben@office.test"]).await;
    assert!(anna.heard.iter().any(|line| line.contains("ben@office.test") && line.ends_with("online")));
    ben.hear("anna asks you for a conversation").await;
    ben.type_line("/accept").await;
    anna.hear("ben takes part").await;
    anna.type_line("Lunch at one, by bike?").await;
    assert!(ben.hear("Lunch").await.ends_with("anna: Lunch at one, by bike?"));
    anna.hear("(delivered to ben)").await;
    ben.type_line("/typing").await;
    anna.hear("(ben is writing …)").await;
    ben.type_line("At the gate.").await;
    anna.hear("ben: At the gate.").await;
    ben.type_line("/quit").await;
    let (status, heard) = ben.end().await;
    assert!(status.success() && heard.last().unwrap() == "Signed out.", "{heard:?}");
    anna.hear("ben is offline").await;
    let (status, heard) = anna.end_of_input().await;
    assert!(status.success() && heard.last().unwrap() == "Signed out.", "{heard:?}");
    assert_eq!(sessions(&office).await, 0);
}

#[tokio::test]
async fn an_invitation_is_declined_and_what_can_not_be_done_is_said() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut ben = Chat::start(&office, "ben", &[]).await;
    let mut anna = Chat::start(&office, "anna", &[]).await;
    for (typed, said) in [
        ("Hello?", "Not done: there is nobody to write to"),
        ("/accept", "Not done: there is no such invitation"),
        ("/with nobody", "noSuchPerson"),
        ("/dance", "There is no `/dance`"),
    ] {
        anna.type_line(typed).await;
        anna.hear(said).await;
    }
    anna.type_line("/with ben").await;
    ben.hear("anna asks you").await;
    ben.type_line("/decline anna").await;
    anna.hear("ben declined").await;
    anna.type_line("But").await;
    anna.hear("nobody to write to").await;
    anna.input.as_mut().unwrap().write_all(b"\xff\n").await.unwrap();
    anna.hear("UTF-8").await;
    for chat in [anna, ben] {
        assert!(chat.end_of_input().await.0.success());
    }
}

#[tokio::test]
async fn a_pipe_that_ends_at_once_has_said_everything() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut anna = Chat::start(&office, "anna", &["--with", "ben"]).await;
    anna.type_line("One").await;
    anna.type_line("Two").await;
    assert!(anna.end_of_input().await.0.success());
    let mut ben = Chat::start(&office, "ben", &[]).await;
    ben.heard.retain(|line| line.contains("anna: "));
    while ben.heard.len() < 2 {
        let line = ben.hear("anna: ").await;
        ben.heard.retain(|line| line.contains("anna: "));
        assert!(line.ends_with("One") || line.ends_with("Two"), "{line}");
    }
    assert!(ben.heard[0].ends_with("One") && ben.heard[1].ends_with("Two"), "{:?}", ben.heard);
    assert!(ben.end_of_input().await.0.success());
    // What was shown is not shown again.
    let ben = Chat::start(&office, "ben", &[]).await;
    let (_, heard) = ben.end_of_input().await;
    assert!(!heard.iter().any(|line| line.contains("anna: ")), "{heard:?}");
}

#[tokio::test]
async fn an_interrupt_signs_out() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = Chat::start(&office, "anna", &[]).await;
    assert_eq!(sessions(&office).await, 1);
    let pid = anna.child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    let (status, heard) = anna.end().await;
    assert!(status.success() && heard.last().unwrap() == "Signed out.", "{heard:?}");
    assert_eq!(sessions(&office).await, 0);
}

#[tokio::test]
async fn a_chat_goes_on_when_the_box_was_away_and_ends_when_its_session_does() {
    let mut office = Office::new(Kind::Binary).await.unwrap();
    let mut ben = Chat::start(&office, "ben", &[]).await;
    let mut anna = Chat::start(&office, "anna", &["--with", "ben"]).await;
    ben.hear("anna asks you").await;
    office.machine.kill().unwrap();
    for chat in [&mut anna, &mut ben] {
        chat.hear("The box does not answer").await;
    }
    office.power_cut().await.unwrap();
    for chat in [&mut anna, &mut ben] {
        chat.hear("The box answers again").await;
    }
    anna.type_line("Still there?").await;
    ben.hear("anna: Still there?").await;
    let other = Chat::start(&office, "ben", &[]).await;
    let (status, _) = ben.end().await;
    assert!(!status.success(), "the session was taken over");
    for chat in [anna, other] {
        assert!(chat.end_of_input().await.0.success());
    }
}
