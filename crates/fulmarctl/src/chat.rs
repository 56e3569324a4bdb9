//! A chat at the terminal over MCX, to try the box by hand: lines in, lines out, so that it works in a pipe too.
//!
//! A poll is held while nobody types. A line that is typed gives the poll up, carries its command out, and polls
//! anew: what the poll would have brought is not acknowledged and comes with the next one.

mod input;
mod room;
mod terminal;

use std::{
    io::{self, Write},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use fulmar_domain::SipUri;
use fulmar_wire::mcx::{About, Command, Event, PeopleCommand, PeopleEvent};
use http::StatusCode;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc::Receiver,
    time::sleep,
};

use crate::{
    account::{AccountOptions, Person, Setting, hexadecimal},
    phone::{Phone, Refused, sign_in},
};
use input::Input;
use room::Room;

/// How long a poll is held.
const POLL: Duration = Duration::from_secs(180);
/// The longest pause before a box that does not answer is tried again.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// The most people in one command that subscribes to their presence.
const PEOPLE_AT_ONCE: usize = 100;
/// The most people whose presence a session may be told.
const MAX_PEOPLE: usize = 500;
/// The most answers that are fetched before signing out.
const LAST_FETCHES: usize = 10;

/// A chat at the terminal.
#[derive(Args)]
pub struct ChatOptions {
    #[command(flatten)]
    account: AccountOptions,
    /// Ask this person for a conversation at once.
    #[arg(long)]
    with: Option<String>,
    /// The lasting name of this device. Whoever signs in with it ends the session that it had before.
    #[arg(long, default_value = "fulmarctl-chat")]
    device: String,
}

/// Chats until the input ends, `/quit` or Ctrl-C.
///
/// # Errors
/// When the person can not sign in, or is signed out.
pub async fn run(options: ChatOptions, out: &mut impl Write) -> Result<()> {
    let (setting, person) = options.account.open()?;
    let with = options.with.map(|with| address(&with, &person.address)).transpose()?;
    writeln!(out, "Signing in as {} …", person.address.address())?;
    let device = options.device;
    let phone = begin(&setting, &person, &device).await?;
    writeln!(out, "Signed in at {}.", phone.signed_in().mcx_url)?;
    let room = Room::new(&person.address);
    let name = hexadecimal(8)?;
    let mut chat = Chat { setting, person, device, phone, room, name, said: 0, out };
    chat.look_around().await?;
    if let Some(with) = with {
        chat.ask(&with).await?;
    }
    writeln!(chat.out, "/help says what can be typed.")?;
    chat.talk(terminal::lines()).await?;
    chat.sign_out().await
}

async fn begin(setting: &Setting, person: &Person, device: &str) -> Result<Phone> {
    let Setting { network, port } = setting;
    let signed_in = sign_in(network, &person.address, &person.password, *port).await?;
    Phone::begin_as(network, signed_in, device, "Terminal").await
}

/// An address; of a colleague the part before the `@` will do.
fn address(typed: &str, own: &SipUri) -> Result<SipUri> {
    let whole = if typed.contains('@') { typed.to_owned() } else { format!("{typed}@{}", own.domain()) };
    Ok(whole.parse()?)
}

struct Chat<'a, W> {
    setting: Setting,
    person: Person,
    device: String,
    phone: Phone,
    room: Room,
    /// With what the names of this chat's messages begin.
    name: String,
    said: u64,
    out: &'a mut W,
}

/// What came first.
enum Turn {
    Line(Option<io::Result<String>>),
    Fetched(Result<()>),
    Stop,
}

impl<W: Write> Chat<'_, W> {
    /// Learns who works here and how they are, and prints it.
    async fn look_around(&mut self) -> Result<()> {
        self.phone.perform(Command::People(PeopleCommand::QueryContactList)).await?;
        let contacts = self.phone.until("the list of contacts", |event| match event {
            Event::People(PeopleEvent::ContactList { contacts, .. }) => Some(contacts.clone()),
            _ => None,
        });
        let contacts = contacts.await?;
        let uris: Vec<_> = contacts.iter().map(|contact| contact.uri.clone()).collect();
        self.room.meet(contacts);
        for uris in uris.chunks(PEOPLE_AT_ONCE).take(MAX_PEOPLE / PEOPLE_AT_ONCE) {
            let subscribe = PeopleCommand::SubscribePresence { uris: uris.to_vec() };
            self.phone.perform(Command::People(subscribe)).await?;
        }
        let first = std::iter::from_fn(|| self.phone.next_waiting()).collect::<Vec<_>>();
        let (presence, other): (Vec<_>, Vec<_>) = first
            .into_iter()
            .partition(|event| matches!(event, Event::People(PeopleEvent::UserPresence { .. })));
        presence.iter().for_each(|event| drop(self.room.hear(event)));
        self.print(&self.room.who())?;
        other.iter().try_for_each(|event| self.tell(event))
    }

    async fn talk(&mut self, mut lines: Receiver<io::Result<String>>) -> Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut pause = Duration::ZERO;
        loop {
            let turn = tokio::select! {
                line = lines.recv() => Turn::Line(line),
                fetched = fetch(&mut self.phone, pause) => Turn::Fetched(fetched),
                _ = interrupt.recv() => Turn::Stop,
            };
            match turn {
                Turn::Stop | Turn::Line(None) => return Ok(()),
                Turn::Line(Some(Err(error))) => writeln!(self.out, "Not done: {error}")?,
                Turn::Line(Some(Ok(line))) => {
                    if !self.obey(&line).await? {
                        return Ok(());
                    }
                }
                Turn::Fetched(Ok(())) if pause.is_zero() => {}
                Turn::Fetched(Ok(())) => {
                    pause = Duration::ZERO;
                    writeln!(self.out, "The box answers again.")?;
                }
                Turn::Fetched(Err(error)) => pause = self.go_on_after(&error, pause).await?,
            }
            self.tell_news()?;
        }
    }

    /// How long to wait after a poll that failed. Fails where trying again would be in vain.
    async fn go_on_after(&mut self, error: &anyhow::Error, pause: Duration) -> Result<Duration> {
        match error.downcast_ref::<Refused>() {
            Some(refused) if refused.status == StatusCode::UNAUTHORIZED => {
                writeln!(self.out, "The ticket has ended; signing in again …")?;
                self.phone = begin(&self.setting, &self.person, &self.device).await?;
                return Ok(Duration::ZERO);
            }
            Some(refused) if refused.code == "noSession" => bail!(
                "the session has ended: somebody signed in as `{}` elsewhere; `--device` gives this one a name of its own",
                self.device
            ),
            Some(refused) if refused.status.is_client_error() => bail!("{refused}"),
            _ => {}
        }
        if pause.is_zero() {
            writeln!(self.out, "The box does not answer, it is tried again: {error:#}")?;
        }
        Ok((pause * 2).clamp(Duration::from_secs(1), MAX_PAUSE))
    }

    /// Does what was typed; whether the chat goes on.
    async fn obey(&mut self, line: &str) -> Result<bool> {
        let input = Input::read(line);
        let done = match input {
            Input::Quit => return Ok(false),
            Input::Nothing => Ok(()),
            Input::Help => self.print(input::HELP),
            Input::Who => self.print(&self.room.who()),
            Input::Unknown(word) => {
                self.print(&format!("There is no `/{word}`; /help says what can be typed."))
            }
            Input::Say(text) => self.say(text).await,
            Input::With(whom) => match address(whom, &self.person.address) {
                Ok(whom) => self.ask(&whom).await,
                Err(error) => Err(error),
            },
            Input::Accept(whose) => self.answer(whose, true).await,
            Input::Decline(whose) => self.answer(whose, false).await,
            Input::Leave => self.leave().await,
            Input::Typing => self.compose().await,
            Input::Seen => self.phone.perform(Command::AcknowledgeMissed { conf_id: None }).await.map(drop),
        };
        match done {
            Err(error) if error.is::<io::Error>() => return Err(error),
            Err(error) => writeln!(self.out, "Not done: {error:#}")?,
            Ok(()) => {}
        }
        Ok(true)
    }

    async fn say(&mut self, text: &str) -> Result<()> {
        let conf_id = self.current()?;
        self.said += 1;
        let message_id = format!("{}-{}", self.name, self.said);
        self.room.said(&message_id);
        self.phone.say(&conf_id, &message_id, text).await?;
        self.room.answered(&conf_id);
        Ok(())
    }

    async fn ask(&mut self, whom: &SipUri) -> Result<()> {
        if !self.room.turn_to(&whom.to_string()) {
            let about = About::default();
            let ask = Command::InitiateImSession { to: whom.to_string(), about, first: None };
            let conf_id = self.phone.perform(ask).await?.context("the box names no conversation")?;
            self.room.open(&conf_id, &whom.to_string());
            writeln!(self.out, "{} is asked.", self.room.name(&whom.to_string()))?;
        }
        writeln!(self.out, "What you type goes to {}.", self.room.name(&whom.to_string()))?;
        Ok(())
    }

    async fn answer(&mut self, whose: Option<&str>, accepted: bool) -> Result<()> {
        let whose = whose.map(|whose| address(whose, &self.person.address)).transpose()?;
        let conf_id = self.room.invitation(whose.map(|uri| uri.to_string()).as_deref());
        let conf_id = conf_id.context("there is no such invitation")?;
        if accepted {
            self.phone.perform(Command::AcceptImSession { conf_id: conf_id.clone() }).await?;
            self.room.answered(&conf_id);
            writeln!(self.out, "What you type goes to {}.", self.room.peer(&conf_id))?;
        } else {
            let decline = Command::DeclineImSession { conf_id: conf_id.clone(), reason: None };
            self.phone.perform(decline).await?;
            self.room.close(&conf_id);
        }
        Ok(())
    }

    async fn leave(&mut self) -> Result<()> {
        let conf_id = self.current()?;
        self.phone.perform(Command::TerminateImSession { conf_id: conf_id.clone() }).await?;
        writeln!(self.out, "You left the conversation with {}.", self.room.peer(&conf_id))?;
        self.room.close(&conf_id);
        Ok(())
    }

    async fn compose(&mut self) -> Result<()> {
        let conf_id = self.current()?;
        self.phone.perform(Command::NotifyComposing { conf_id, state: None }).await.map(drop)
    }

    fn current(&self) -> Result<String> {
        self.room
            .current()
            .map(str::to_owned)
            .context("there is nobody to write to; /with NAME asks somebody")
    }

    /// Acknowledges what was shown, so that it is not shown again, and ends the session.
    async fn sign_out(mut self) -> Result<()> {
        for _ in 0..LAST_FETCHES {
            self.phone.fetch(Duration::ZERO).await?;
            if !self.tell_news()? {
                break;
            }
        }
        self.phone.command(Command::TerminateSession).await?;
        writeln!(self.out, "Signed out.")?;
        Ok(())
    }

    /// Prints what came; whether anything did.
    fn tell_news(&mut self) -> Result<bool> {
        let mut any = false;
        while let Some(event) = self.phone.next_waiting() {
            self.tell(&event)?;
            any = true;
        }
        Ok(any)
    }

    fn tell(&mut self, event: &Event) -> Result<()> {
        match self.room.hear(event) {
            Some(text) => self.print(&text),
            None => Ok(()),
        }
    }

    fn print(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{text}")?;
        Ok(self.out.flush()?)
    }
}

async fn fetch(phone: &mut Phone, pause: Duration) -> Result<()> {
    sleep(pause).await;
    // A box that was away is asked for a short answer first, which says that it is back.
    phone.fetch(if pause.is_zero() { POLL } else { Duration::ZERO }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colleague_needs_no_domain() {
        let own = "anna@office.test".parse().unwrap();
        let read = |typed: &str| address(typed, &own).map(|uri| uri.to_string());
        assert_eq!(read("ben").unwrap(), "sip:ben@office.test");
        assert_eq!(read("sip:ben@other.test").unwrap(), "sip:ben@other.test");
        assert!(read("b n").unwrap_err().to_string().contains("is not an address"));
    }
}
