//! Three people with two devices each, in any order of things: whatever polls are lost, sessions end and the box
//! starts anew, every message that was accepted is shown once and in the same order on every device.

use std::time::Duration;

use fulmar_domain::{
    Timestamp,
    conversation::{Participation, Step},
    event::{Event, Failure},
    invitation::{ANSWER_TIME, DeclineReason},
    session::Activity,
};
use fulmar_store::{Actor, Executed, Joining, Outcome, Store};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestCaseError};

use crate::support::{Bench, NOON, opening, said};

const PEOPLE: [&str; 3] = ["anna", "ben", "carla"];
const DEVICES: usize = 2 * PEOPLE.len();

const STEPS: [Step; 4] = [Step::Accept, Step::Accept, Step::Decline(DeclineReason::Local), Step::Leave];

/// What somebody does. Devices and conversations are numbers modulo those that there are.
#[derive(Clone, Debug)]
enum Op {
    Open { device: usize, to: usize, with_message: bool },
    Say { device: usize, conversation: usize },
    SayAgain { device: usize },
    Step { device: usize, conversation: usize, step: Step },
    Cancel { device: usize, conversation: usize, which: usize },
    Invite { device: usize, conversation: usize, to: usize },
    Poll { device: usize, lost: bool },
    SignIn { device: usize },
    SignOut { device: usize },
    Look { device: usize, activity: Activity },
    Pass { seconds: u64 },
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let device = || 0..DEVICES;
    prop_oneof![
        3 => (device(), 1..PEOPLE.len(), any::<bool>())
            .prop_map(|(device, to, with_message)| Op::Open { device, to, with_message }),
        8 => (device(), 0..4_usize).prop_map(|(device, conversation)| Op::Say { device, conversation }),
        2 => device().prop_map(|device| Op::SayAgain { device }),
        3 => (device(), 0..4_usize, select(STEPS.to_vec()))
            .prop_map(|(device, conversation, step)| Op::Step { device, conversation, step }),
        1 => (device(), 0..4_usize, 0..4_usize)
            .prop_map(|(device, conversation, which)| Op::Cancel { device, conversation, which }),
        3 => (device(), 0..4_usize, 1..PEOPLE.len())
            .prop_map(|(device, conversation, to)| Op::Invite { device, conversation, to }),
        8 => (device(), any::<bool>()).prop_map(|(device, lost)| Op::Poll { device, lost }),
        2 => device().prop_map(|device| Op::SignIn { device }),
        1 => device().prop_map(|device| Op::SignOut { device }),
        1 => (device(), select(vec![Activity::Foreground, Activity::Background]))
            .prop_map(|(device, activity)| Op::Look { device, activity }),
        1 => select(vec![1, 20, 40, 300, 4000]).prop_map(|seconds| Op::Pass { seconds }),
        1 => Just(Op::Restart),
    ]
}

/// A device as its client knows it.
#[derive(Default)]
struct Client {
    session: Option<Actor>,
    ack: u64,
    shown: Vec<String>,
}

/// Somebody was asked into a conversation.
struct Asked {
    name: String,
    inviter: usize,
    invited: usize,
    deadline: Timestamp,
}

#[derive(Default)]
struct Talk {
    /// All invitations; of those to one person the last is the one that may ring.
    asked: Vec<Asked>,
    /// Where everybody stands.
    places: [Option<Participation>; PEOPLE.len()],
}

impl Talk {
    fn ask(&mut self, name: &str, inviter: usize, invited: usize, now: Timestamp) {
        self.places[invited] = Some(Participation::Ringing);
        self.asked.push(Asked { name: name.to_owned(), inviter, invited, deadline: now + ANSWER_TIME });
    }

    fn rings(&self, which: usize) -> bool {
        let invited = self.asked[which].invited;
        let last = self.asked.iter().rposition(|asked| asked.invited == invited);
        last == Some(which) && self.places[invited] == Some(Participation::Ringing)
    }

    /// An invitation is taken back: among many that shuts out who was asked.
    fn take_back(&mut self, invited: usize) {
        let among_many = self.places.iter().flatten().count() > 2;
        let place = if among_many { Participation::Left } else { Participation::Missed };
        self.places[invited] = Some(place);
    }

    /// Those who ring and of whom that is true have missed it.
    fn miss(&mut self, is_over: impl Fn(&Asked) -> bool) {
        for which in 0..self.asked.len() {
            if self.rings(which) && is_over(&self.asked[which]) {
                self.places[self.asked[which].invited] = Some(Participation::Missed);
            }
        }
    }
}

/// The box, the clients, and what should be true.
struct World {
    bench: Bench,
    now: Timestamp,
    clients: [Client; DEVICES],
    conversations: Vec<Talk>,
    /// What each person has heard and said.
    heard: [Vec<String>; PEOPLE.len()],
    /// What each person said last, and where.
    last_said: [Option<(String, usize)>; PEOPLE.len()],
    messages: usize,
}

type Checked = Result<(), TestCaseError>;

impl World {
    async fn new() -> Self {
        let mut world = Self {
            bench: Bench::new().await,
            now: NOON,
            clients: Default::default(),
            conversations: Vec::new(),
            heard: Default::default(),
            last_said: Default::default(),
            messages: 0,
        };
        for device in 0..DEVICES {
            world.sign_in(device).await;
        }
        world
    }

    async fn run(&mut self, op: Op) -> Checked {
        self.now = self.now + Duration::from_millis(1);
        self.let_ring();
        match op {
            Op::Open { device, to, with_message } => self.open(device, to, with_message).await,
            Op::Say { device, conversation } => self.say(device, conversation).await,
            Op::SayAgain { device } => self.say_again(device).await,
            Op::Step { device, conversation, step } => self.step(device, conversation, step).await,
            Op::Cancel { device, conversation, which } => self.cancel(device, conversation, which).await,
            Op::Invite { device, conversation, to } => self.invite(device, conversation, to).await,
            Op::Poll { device, lost } => self.poll(device, lost).await.map(drop),
            Op::SignIn { device } => {
                self.sign_in(device).await;
                Ok(())
            }
            Op::SignOut { device } => {
                if let Some(actor) = self.clients[device].session.take() {
                    self.bench.store.terminate_session(&actor.session, self.now).await.unwrap();
                }
                Ok(())
            }
            Op::Look { device, activity } => {
                let Some(actor) = self.clients[device].session.clone() else { return Ok(()) };
                let done = self.bench.store.set_activity(&actor, None, activity, self.now).await.unwrap();
                self.ended(device, &done);
                Ok(())
            }
            Op::Pass { seconds } => {
                self.now = self.now + Duration::from_secs(seconds);
                self.bench.store.tidy(self.now).await.unwrap();
                self.bench.store.sweep(self.now).await.unwrap();
                Ok(())
            }
            Op::Restart => {
                self.bench.store = Store::open(self.bench.dir.path()).unwrap();
                Ok(())
            }
        }
    }

    /// Whoever did not answer in time has missed it.
    fn let_ring(&mut self) {
        let now = self.now;
        self.conversations.iter_mut().for_each(|talk| talk.miss(|asked| asked.deadline <= now));
    }

    async fn sign_in(&mut self, device: usize) {
        let (person, name) = (PEOPLE[device / 2], ["phone", "desk"][device % 2]);
        let client = &mut self.clients[device];
        client.session = Some(self.bench.sign_in(person, name, self.now).await);
        client.ack = 0;
    }

    /// What came of a command; `None` where the session has ended.
    fn ended(&mut self, device: usize, executed: &Executed) -> Option<Outcome> {
        match executed {
            Executed::Done(outcome) => Some(outcome.clone()),
            Executed::SessionEnded => {
                self.clients[device].session = None;
                None
            }
        }
    }

    fn name(&mut self) -> String {
        self.messages += 1;
        format!("m{}", self.messages)
    }

    fn heard_by(&mut self, conversation: usize, me: usize, message: String) {
        for person in 0..PEOPLE.len() {
            if person == me || hears(self.conversations[conversation].places[person]) {
                self.heard[person].push(message.clone());
            }
        }
        self.last_said[me] = Some((message, conversation));
    }

    async fn open(&mut self, device: usize, to: usize, with_message: bool) -> Checked {
        let Some(actor) = self.clients[device].session.clone() else { return Ok(()) };
        let (me, other) = (device / 2, (device / 2 + to) % PEOPLE.len());
        let (message, conversation) = (self.name(), self.conversations.len());
        let first = with_message.then(|| said(&message, &message));
        let opening = opening(&format!("c{conversation}"), PEOPLE[other], first);
        let done = self.bench.store.open_conversation(&actor, None, opening, self.now).await.unwrap();
        let Some(outcome) = self.ended(device, &done) else { return Ok(()) };
        prop_assert!(outcome.is_ok(), "{outcome:?}");
        let mut talk = Talk::default();
        talk.places[me] = Some(Participation::Connected);
        talk.ask(&format!("c{conversation}"), me, other, self.now);
        self.conversations.push(talk);
        if with_message {
            self.heard_by(conversation, me, message);
        }
        Ok(())
    }

    async fn say(&mut self, device: usize, conversation: usize) -> Checked {
        let Some(actor) = self.clients[device].session.clone() else { return Ok(()) };
        let Some(conversation) = self.number(conversation) else { return Ok(()) };
        let (me, message) = (device / 2, self.name());
        let id = format!("c{conversation}").parse().unwrap();
        let said = said(&message, &message);
        let done = self.bench.store.say(&actor, None, id, said, self.now).await.unwrap();
        let Some(outcome) = self.ended(device, &done) else { return Ok(()) };
        let places = self.conversations[conversation].places;
        let alone = (0..PEOPLE.len()).all(|other| other == me || !hears(places[other]));
        let expected = match places[me].map(|place| place.after(Step::Write)) {
            None => Err(Failure::NoSuchConversation),
            Some(Err(_)) => Err(Failure::WrongState),
            Some(Ok(_)) if alone => Err(Failure::WrongState),
            Some(Ok(place)) => Ok(place),
        };
        prop_assert_eq!(outcome.map(drop), expected.map(drop));
        if let Ok(place) = expected {
            self.conversations[conversation].places[me] = Some(place);
            self.heard_by(conversation, me, message);
        }
        Ok(())
    }

    async fn say_again(&mut self, device: usize) -> Checked {
        let Some(actor) = self.clients[device].session.clone() else { return Ok(()) };
        let Some((message, conversation)) = self.last_said[device / 2].clone() else { return Ok(()) };
        let id = format!("c{conversation}").parse().unwrap();
        let said = said(&message, &message);
        let done = self.bench.store.say(&actor, None, id, said, self.now).await.unwrap();
        let Some(outcome) = self.ended(device, &done) else { return Ok(()) };
        prop_assert!(outcome.is_ok(), "{outcome:?}");
        Ok(())
    }

    async fn step(&mut self, device: usize, conversation: usize, step: Step) -> Checked {
        let Some(actor) = self.clients[device].session.clone() else { return Ok(()) };
        let Some(conversation) = self.number(conversation) else { return Ok(()) };
        let id = format!("c{conversation}").parse().unwrap();
        let done = self.bench.store.step_conversation(&actor, None, id, step, self.now).await.unwrap();
        let Some(outcome) = self.ended(device, &done) else { return Ok(()) };
        let (me, talk) = (device / 2, &mut self.conversations[conversation]);
        let expected = match talk.places[me].map(|place| place.after(step)) {
            None => Err(Failure::NoSuchConversation),
            Some(Err(_)) => Err(Failure::WrongState),
            Some(Ok(after)) => {
                talk.places[me] = Some(after);
                if after == Participation::Left {
                    let mine = |which: &usize| talk.asked[*which].inviter == me && talk.rings(*which);
                    for which in (0..talk.asked.len()).filter(mine).collect::<Vec<_>>() {
                        talk.take_back(talk.asked[which].invited);
                    }
                }
                Ok(())
            }
        };
        prop_assert_eq!(outcome.map(drop), expected);
        Ok(())
    }

    async fn cancel(&mut self, device: usize, conversation: usize, which: usize) -> Checked {
        let Some(actor) = self.clients[device].session.clone() else { return Ok(()) };
        let Some(conversation) = self.number(conversation) else { return Ok(()) };
        let talk = &self.conversations[conversation];
        let which = which % talk.asked.len();
        let Asked { name, inviter, invited, .. } = &talk.asked[which];
        let (invited, is_mine, rings) = (*invited, device / 2 == *inviter, talk.rings(which));
        let name = name.parse().unwrap();
        let done = self.bench.store.cancel_invitation(&actor, None, name, self.now).await.unwrap();
        let Some(outcome) = self.ended(device, &done) else { return Ok(()) };
        if !is_mine {
            prop_assert_eq!(outcome, Err(Failure::NoSuchInvitation));
        } else if rings {
            prop_assert!(outcome.is_ok(), "{outcome:?}");
            self.conversations[conversation].take_back(invited);
        }
        Ok(())
    }

    async fn invite(&mut self, device: usize, conversation: usize, to: usize) -> Checked {
        let Some(actor) = self.clients[device].session.clone() else { return Ok(()) };
        let Some(conversation) = self.number(conversation) else { return Ok(()) };
        let (me, invited, name) = (device / 2, (device / 2 + to) % PEOPLE.len(), self.name());
        let joining = Joining {
            conversation: format!("c{conversation}").parse().unwrap(),
            invitation: name.parse().unwrap(),
            whom: format!("{}@office.test", PEOPLE[invited]).parse().unwrap(),
            operation: None,
        };
        let done = self.bench.store.invite_into_conversation(&actor, None, joining, self.now).await.unwrap();
        let Some(outcome) = self.ended(device, &done) else { return Ok(()) };
        let talk = &mut self.conversations[conversation];
        let expected = match (talk.places[me], talk.places[invited]) {
            (None, _) => Err(Failure::NoSuchConversation),
            (Some(Participation::Connected), there) if hears(there) => Err(Failure::AlreadyExists),
            (Some(Participation::Connected), _) => Ok(()),
            (Some(_), _) => Err(Failure::WrongState),
        };
        prop_assert_eq!(outcome.map(drop), expected);
        if expected.is_ok() {
            talk.ask(&name, me, invited, self.now);
        }
        Ok(())
    }

    /// One poll; whether there was anything. The answer to one that is lost changes nothing for the client.
    async fn poll(&mut self, device: usize, lost: bool) -> Result<bool, TestCaseError> {
        let client = &mut self.clients[device];
        let Some(actor) = client.session.clone() else { return Ok(false) };
        let store = &self.bench.store;
        store.acknowledge(&actor.session, client.ack, self.now).await.unwrap();
        let Some(inbox) = store.inbox(&actor.session, client.ack, self.now).await.unwrap() else {
            client.session = None;
            return Ok(false);
        };
        if lost {
            return Ok(true);
        }
        for numbered in &inbox.events {
            prop_assert!(numbered.eid > client.ack, "{numbered:?} after {}", client.ack);
            client.ack = numbered.eid;
            let (Event::MessageReceived(message) | Event::MessageSent(message)) = &numbered.event else {
                continue;
            };
            let id = message.client_id.to_string();
            prop_assert_eq!(message.text.reveal(), &id);
            if !client.shown.contains(&id) {
                client.shown.push(id);
            }
        }
        Ok(!inbox.events.is_empty())
    }

    /// A conversation that there is, of those that began last.
    fn number(&self, conversation: usize) -> Option<usize> {
        self.conversations.len().checked_sub(1 + conversation)
    }

    async fn check(mut self) -> Checked {
        for device in 0..DEVICES {
            self.now = self.now + Duration::from_millis(1);
            self.sign_in(device).await;
            while self.poll(device, false).await? {}
            let client = &self.clients[device];
            prop_assert_eq!(&client.shown, &self.heard[device / 2], "on device {}", device);
        }
        Ok(())
    }
}

fn hears(place: Option<Participation>) -> bool {
    matches!(place, Some(Participation::Ringing | Participation::Connected))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_accepted_message_is_shown_once_and_in_order_on_every_device(ops in vec(op(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for op in ops {
                world.run(op).await?;
            }
            world.check().await
        })?;
    }
}
