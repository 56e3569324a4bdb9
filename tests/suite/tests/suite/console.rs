//! The console: who signs in, who is kept out, and what it says of wrong passwords.

use std::process::Command;

use fulmar_suite::{Kind, Office, program};
use fulmarctl::admin::screen;
use http::Method;
use serde_json::json;

use super::lockout::{self, OUTSIDE};

const INSIDE: &str = "127.0.0.1";
const PASSWORD: &str = "a-long-and-secret-one";

/// An office with an outside, and with marie who administers it.
async fn office() -> Office {
    let office = lockout::office().await;
    let marie = json!({ "name": "marie", "password": PASSWORD });
    office.admin().change(Method::POST, "/api/v1/administrators", &marie).await.unwrap();
    office
}

/// What curl printed: headers, an empty line, the page.
struct Answer(String);

impl Answer {
    fn status(&self) -> u16 {
        self.0.split_whitespace().nth(1).expect("a status").parse().unwrap()
    }

    fn says(&self, words: &str) -> bool {
        self.0.contains(words)
    }
}

/// Asks the console as a browser does that keeps its cookies in a file.
async fn ask(office: &Office, from: &str, path: &str, arguments: &[&str]) -> Answer {
    let port = office.addresses().console.unwrap().port();
    let mut command = Command::new("curl");
    let cookies = office.dir().join("cookies");
    command
        .args(["--silent", "--show-error", "--include", "--interface", from])
        .arg("--cookie")
        .arg(&cookies);
    command.arg("--cookie-jar").arg(&cookies).arg("--cacert").arg(office.dir().join("state/tls/ca.pem"));
    command.args(["--resolve", &format!("web.office.test:{port}:127.0.0.1")]).args(arguments);
    command.arg(format!("https://web.office.test:{port}{path}"));
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("curl starts");
    assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    Answer(String::from_utf8(output.stdout).unwrap())
}

async fn sign_in(office: &Office, from: &str, name: &str, password: &str) -> Answer {
    let (name, password) = (format!("name={name}"), format!("password={password}"));
    ask(office, from, "/sign-in", &["--data-urlencode", &name, "--data-urlencode", &password]).await
}

#[tokio::test]
async fn after_twenty_wrong_passwords_from_outside_an_administrator_inside_signs_in_and_sees_who_and_from_where()
 {
    let office = office().await;
    let mut looked_at = 0;
    let mut slowed = None;
    for _ in 0..20 {
        let answer = sign_in(&office, OUTSIDE, "marie", "wrong-horse").await;
        match answer.status() {
            403 => looked_at += 1,
            status => {
                assert_eq!(status, 429);
                slowed = Some(answer);
            }
        }
    }
    assert!((5..20).contains(&looked_at), "{looked_at} of 20 were looked at");
    let slowed = slowed.expect("a refusal without a look");
    assert!(slowed.says("retry-after: ") && slowed.says("Try again in "), "{}", slowed.0);
    for _ in 0..6 {
        guess_as_a_phone(&office).await;
    }

    assert_eq!(sign_in(&office, INSIDE, "marie", PASSWORD).await.status(), 303, "inside");
    let page = ask(&office, INSIDE, "/", &[]).await;
    assert_eq!(page.status(), 200);
    for words in ["Signed in as <b>marie</b>", "<b>marie</b> <span class=\"tag\">outside</span>", OUTSIDE] {
        assert!(page.says(words), "{words}: {}", page.0);
    }
    assert!(page.says("<b>ben@office.test</b>") && page.says("127.0.0.3"), "{}", page.0);

    let forgotten = ask(&office, INSIDE, "/lockouts/forget", &["--data", "subject=marie"]).await;
    assert_eq!(forgotten.status(), 303);
    assert!(!ask(&office, INSIDE, "/", &[]).await.says("<b>marie</b> <span"));
}

/// A wrong password for ben, from elsewhere outside.
async fn guess_as_a_phone(office: &Office) {
    let port = office.https().port();
    let mut command = Command::new("curl");
    command.args(["--silent", "--output", "/dev/null", "--interface", "127.0.0.3", "--cacert"]);
    command.arg(office.dir().join("state/tls/ca.pem"));
    command.args(["--resolve", &format!("web.office.test:{port}:127.0.0.1")]);
    command.args(["--data", "grant_type=password&username=ben@office.test&password=wrong-horse"]);
    command.arg(format!("https://web.office.test:{port}/WebTicket/oauthtoken"));
    let status = tokio::task::spawn_blocking(move || command.status()).await.unwrap();
    assert!(status.expect("curl starts").success());
}

#[tokio::test]
async fn a_session_begins_with_a_password_and_ends_with_the_sign_out_or_another_password() {
    let office = office().await;
    let page = ask(&office, INSIDE, "/", &[]).await;
    assert!(page.says("Administrators sign in") && !page.says("Wrong passwords"), "{}", page.0);
    assert_eq!(ask(&office, INSIDE, "/lockouts/forget", &["--data", "subject=marie"]).await.status(), 303);

    let wrong = sign_in(&office, INSIDE, "\"><script>", PASSWORD).await;
    assert_eq!(wrong.status(), 403);
    assert!(wrong.says("The name or the password is wrong.") && !wrong.says("<script>"), "{}", wrong.0);
    assert!(wrong.says("script-src 'self'") && wrong.says("cache-control: no-store"), "{}", wrong.0);

    let begun = sign_in(&office, INSIDE, " Marie ", PASSWORD).await;
    assert_eq!(begun.status(), 303);
    for part in ["__Host-fulmar=", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(begun.says(part), "{part}: {}", begun.0);
    }
    assert!(ask(&office, INSIDE, "/", &[]).await.says("Signed in as"));
    assert_eq!(ask(&office, INSIDE, "/sign-out", &["--data", ""]).await.status(), 303);
    assert!(!ask(&office, INSIDE, "/", &[]).await.says("Signed in as"));

    sign_in(&office, INSIDE, "marie", PASSWORD).await;
    assert!(ask(&office, INSIDE, "/", &[]).await.says("Signed in as"));
    let password = json!({ "password": "another-long-one" });
    office.admin().change(Method::PUT, "/api/v1/administrators/marie/password", &password).await.unwrap();
    assert!(!ask(&office, INSIDE, "/", &[]).await.says("Signed in as"));
}

#[tokio::test]
async fn a_page_of_another_site_can_not_act_for_an_administrator() {
    let office = office().await;
    sign_in(&office, INSIDE, "marie", PASSWORD).await;
    let port = office.addresses().console.unwrap().port();
    let own = format!("Origin: https://web.office.test:{port}");
    for header in ["Sec-Fetch-Site: cross-site", "Origin: https://evil.test"] {
        let answer = ask(&office, INSIDE, "/sign-out", &["--data", "", "--header", header]).await;
        assert_eq!(answer.status(), 403, "{header}");
        assert!(ask(&office, INSIDE, "/", &[]).await.says("Signed in as"), "{header}");
    }
    assert_eq!(ask(&office, INSIDE, "/sign-out", &["--data", "", "--header", &own]).await.status(), 303);
    assert!(!ask(&office, INSIDE, "/", &[]).await.says("Signed in as"));
}

#[tokio::test]
async fn administrators_come_and_go_on_the_command_line_and_survive_a_power_cut() {
    let mut office = Office::new(Kind::Binary).await.unwrap();
    let socket = office.dir().join("admin.sock");
    let control = |arguments: &[&str]| {
        let mut command = Command::new(program("fulmarctl").unwrap());
        let output = command.arg("--socket").arg(&socket).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    assert!(ask(&office, INSIDE, "/", &[]).await.says("fulmarctl admin add"));
    assert!(control(&["admin", "list"]).1.contains("There is no administrator yet"));
    let (added, said, _) = control(&["admin", "add", "marie"]);
    let password = said.split("Password: ").nth(1).and_then(|rest| rest.split_whitespace().next());
    assert!(added && password.is_some(), "{said}");
    let (_, _, said) = control(&["admin", "add", "Marie"]);
    assert!(said.contains("there is an administrator `marie` already"), "{said}");
    let (_, _, said) = control(&["admin", "add", "marie curie"]);
    assert!(said.contains("`marie curie` can not name an administrator"), "{said}");
    assert_eq!(sign_in(&office, INSIDE, "marie", password.unwrap()).await.status(), 303);

    office.power_cut().await.unwrap();
    assert!(ask(&office, INSIDE, "/", &[]).await.says("Signed in as"));
    assert_eq!(control(&["admin", "list"]).1, "marie\n");
    assert!(control(&["admin", "passwd", "marie"]).1.contains("was signed out"));
    assert!(!ask(&office, INSIDE, "/", &[]).await.says("Signed in as"));
    assert!(control(&["admin", "remove", "marie"]).0);
    let (_, _, said) = control(&["admin", "remove", "marie"]);
    assert!(said.contains("there is no administrator `marie`"), "{said}");
}

#[tokio::test]
async fn the_code_at_the_screen_lets_the_first_administrator_in_until_there_is_another() {
    let office = lockout::office().await;
    let state = office.dir().join("screen");
    std::fs::create_dir(&state).unwrap();
    let shown = screen::text(&office.admin(), &state, 9443).await;
    let code = shown.split("password").nth(1).expect("a code").trim().to_owned();
    assert_eq!(code.len(), 14, "{shown}");
    assert_eq!(screen::text(&office.admin(), &state, 9443).await, shown, "the same after a start");
    assert_eq!(sign_in(&office, INSIDE, "setup", &code).await.status(), 303);

    let marie = json!({ "name": "marie", "password": PASSWORD });
    office.admin().change(Method::POST, "/api/v1/administrators", &marie).await.unwrap();
    let after = screen::text(&office.admin(), &state, 9443).await;
    assert!(after.contains("Fulmar ") && !after.contains("setup"), "{after}");
    assert!(!ask(&office, INSIDE, "/", &[]).await.says("Signed in as"), "whoever came in with it");
    assert_eq!(sign_in(&office, INSIDE, "setup", &code).await.status(), 403);
    assert_eq!(std::fs::read_dir(&state).unwrap().count(), 0);
}
