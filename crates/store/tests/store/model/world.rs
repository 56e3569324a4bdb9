//! The box, the clients, and what should be true.

use std::{collections::BTreeSet, time::Duration};

use fulmar_domain::{
    RequestId, Timestamp,
    conversation::{MessageName, Participation, Step},
    event::Failure,
    session::Activity,
};
use fulmar_store::{Actor, Executed, Joining, Outcome, Said, Store};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tokio::task::JoinSet;

use super::{
    Checked, DEVICES, Op, PEOPLE,
    client::Client,
    talk::{Talk, hears},
};
use crate::support::{Bench, NOON, opening, said};

/// More than half of what a log holds.
const FLOOD: usize = 520;

pub(super) struct World {
    bench: Bench,
    now: Timestamp,
    clients: [Client; DEVICES],
    conversations: Vec<Talk>,
    /// What each person has heard and said.
    heard: [Vec<String>; PEOPLE.len()],
    /// What each person said, and where.
    said: [Vec<(String, usize)>; PEOPLE.len()],
    /// Whom each person asked for a conversation with a word, and which word and conversation that was.
    opened: [Vec<(usize, String, usize)>; PEOPLE.len()],
    /// Whom what each person said should reach.
    reaches: [Vec<(String, String)>; PEOPLE.len()],
    names: usize,
}

impl World {
    pub(super) async fn new() -> Self {
        let mut world = Self {
            bench: Bench::new().await,
            now: NOON,
            clients: Default::default(),
            conversations: Vec::new(),
            heard: Default::default(),
            said: Default::default(),
            opened: Default::default(),
            reaches: Default::default(),
            names: 0,
        };
        for device in 0..DEVICES {
            world.sign_in(device).await;
        }
        world
    }

    pub(super) async fn run(&mut self, op: Op) -> Checked {
        self.tick();
        match op {
            Op::Open { device, to, with_message } => self.open(device, to, with_message).await,
            Op::OpenAgain { device, which } => self.open_again(device, which).await,
            Op::Say { device, conversation } => self.say(device, conversation, 1).await,
            Op::Flood { device, conversation } => self.say(device, conversation, FLOOD).await,
            Op::SayAgain { device, which, elsewhere } => self.say_again(device, which, elsewhere).await,
            Op::Step { device, conversation, step } => self.step(device, conversation, step).await,
            Op::Cancel { device, conversation, which } => self.cancel(device, conversation, which).await,
            Op::Invite { device, conversation, to } => self.invite(device, conversation, to).await,
            Op::Read { device, conversation } => self.read(device, conversation).await,
            Op::Poll { device, lost } => self.poll(device, lost).await.map(drop),
            Op::SignIn { device } => {
                self.sign_in(device).await;
                Ok(())
            }
            Op::SignOut { device } => {
                if let Some(actor) = self.clients[device].session.clone() {
                    self.bench.store.terminate_session(&actor.session, self.now).await.unwrap();
                    self.clients[device].signed_out();
                }
                Ok(())
            }
            Op::Look { device, activity } => self.look(device, activity).await,
            Op::Pass { seconds } => {
                self.now = self.now + Duration::from_secs(seconds);
                self.bench.tidy(self.now).await.unwrap();
                self.bench.store.sweep(self.now).await.unwrap();
                Ok(())
            }
            Op::Restart => {
                self.bench.restart().await;
                Ok(())
            }
        }
    }

    fn tick(&mut self) {
        self.now = self.now + Duration::from_millis(1);
        let now = self.now;
        self.conversations.iter_mut().for_each(|talk| talk.let_ring(now));
    }

    async fn sign_in(&mut self, device: usize) {
        let (person, name) = (PEOPLE[device / 2], ["phone", "desk"][device % 2]);
        let session = self.bench.sign_in(person, name, self.now).await;
        self.clients[device].signed_in(session);
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("m{}", self.names)
    }

    /// A phone speaks MCX, and its commands have names; a desk speaks UCWA.
    fn request(&mut self, device: usize) -> Option<RequestId> {
        device.is_multiple_of(2).then(|| self.name().parse().unwrap())
    }

    /// What came of a command; `None` where the session has ended.
    fn ended(&mut self, device: usize, request: Option<RequestId>, executed: Executed) -> Option<Outcome> {
        let client = &mut self.clients[device];
        match executed {
            Executed::Done(outcome) => {
                if let Some(request) = request {
                    client.given.insert(request.to_string(), outcome.clone().map(drop));
                }
                Some(outcome)
            }
            Executed::SessionEnded => {
                client.signed_out();
                None
            }
        }
    }

    /// A conversation that there is, of those that began last.
    fn number(&self, conversation: usize) -> Option<usize> {
        self.conversations.len().checked_sub(1 + conversation)
    }

    /// Who gives a command about which conversation, if there are both.
    fn actor_in(&self, device: usize, conversation: usize) -> Option<(Actor, usize)> {
        Some((self.clients[device].session.clone()?, self.number(conversation)?))
    }

    fn spoken(&mut self, conversation: usize, me: usize, message: String) {
        self.heard[me].push(message.clone());
        for listener in self.conversations[conversation].listeners(me) {
            self.heard[listener].push(message.clone());
            self.reaches[me].push((message.clone(), PEOPLE[listener].to_owned()));
        }
        self.said[me].push((message, conversation));
    }

    async fn open(&mut self, device: usize, to: usize, with_message: bool) -> Checked {
        let Some(actor) = self.clients[device].session.clone() else { return Ok(()) };
        let (me, other) = (device / 2, (device / 2 + to) % PEOPLE.len());
        let (message, conversation, request) = (self.name(), self.conversations.len(), self.request(device));
        let first = with_message.then(|| said(&message, &message));
        let opening = opening(&format!("c{conversation}"), PEOPLE[other], first);
        let done =
            self.bench.store.open_conversation(&actor, request.clone(), opening, self.now).await.unwrap();
        let Some(outcome) = self.ended(device, request, done) else { return Ok(()) };
        prop_assert!(outcome.is_ok(), "{outcome:?}");
        let mut talk = Talk::default();
        talk.places[me] = Some(Participation::Connected);
        talk.ask(&format!("c{conversation}"), me, other, self.now);
        self.conversations.push(talk);
        if with_message {
            self.opened[me].push((other, message.clone(), conversation));
            self.spoken(conversation, me, message);
        }
        Ok(())
    }

    /// The answer was lost: the client opens the conversation once more, and the box draws other names for it.
    async fn open_again(&mut self, device: usize, which: usize) -> Checked {
        let Some(actor) = self.clients[device].session.clone() else { return Ok(()) };
        let opened = &self.opened[device / 2];
        let Some((other, message, conversation)) = opened.get(which % opened.len().max(1)).cloned() else {
            return Ok(());
        };
        let (name, request) = (self.name(), self.request(device));
        let opening = opening(&name, PEOPLE[other], Some(said(&message, &message)));
        let done =
            self.bench.store.open_conversation(&actor, request.clone(), opening, self.now).await.unwrap();
        let Some(outcome) = self.ended(device, request, done) else { return Ok(()) };
        let same = outcome.map(|made| made.conversation.map(|id| id.to_string()));
        prop_assert_eq!(same, Ok(Some(format!("c{conversation}"))));
        Ok(())
    }

    /// Several words at once, in this order.
    async fn say(&mut self, device: usize, conversation: usize, words: usize) -> Checked {
        let Some((actor, conversation)) = self.actor_in(device, conversation) else { return Ok(()) };
        let me = device / 2;
        let mut saying = JoinSet::new();
        for _ in 0..words {
            let (word, request) = (self.name(), self.request(device));
            let what = said(&word, &word);
            let done =
                say(self.bench.store.clone(), actor.clone(), request.clone(), conversation, what, self.now);
            saying.spawn(async move { (word, request, done.await) });
        }
        let mut all = saying.join_all().await;
        all.sort_by_key(|(word, ..)| word[1..].parse::<usize>().unwrap());
        for (word, request, done) in all {
            let Some(outcome) = self.ended(device, request, done) else { return Ok(()) };
            let talk = &self.conversations[conversation];
            let expected = match talk.places[me].map(|place| place.after(Step::Write)) {
                None => Err(Failure::NoSuchConversation),
                Some(Err(_)) => Err(Failure::WrongState),
                Some(Ok(_)) if talk.listeners(me).is_empty() => Err(Failure::WrongState),
                Some(Ok(place)) => Ok(place),
            };
            prop_assert_eq!(outcome.map(drop), expected.map(drop));
            if let Ok(place) = expected {
                self.conversations[conversation].places[me] = Some(place);
                self.spoken(conversation, me, word);
            }
        }
        Ok(())
    }

    /// The answer was lost: the client says something once more, or by mistake in another conversation.
    async fn say_again(&mut self, device: usize, which: usize, elsewhere: Option<usize>) -> Checked {
        let Some(actor) = self.clients[device].session.clone() else { return Ok(()) };
        let me = device / 2;
        let Some((word, there)) = self.said[me].get(which % self.said[me].len().max(1)).cloned() else {
            return Ok(());
        };
        let conversation = elsewhere.and_then(|conversation| self.number(conversation)).unwrap_or(there);
        let (what, request) = (said(&word, &word), self.request(device));
        let store = self.bench.store.clone();
        let done = say(store, actor, request.clone(), conversation, what, self.now).await;
        let Some(outcome) = self.ended(device, request, done) else { return Ok(()) };
        let expected = match self.conversations[conversation].places[me] {
            None => Err(Failure::NoSuchConversation),
            Some(_) if conversation == there => Ok(()),
            Some(_) => Err(Failure::WrongState),
        };
        prop_assert_eq!(outcome.map(drop), expected);
        Ok(())
    }

    async fn step(&mut self, device: usize, conversation: usize, step: Step) -> Checked {
        let Some((actor, conversation)) = self.actor_in(device, conversation) else { return Ok(()) };
        let (id, request) = (format!("c{conversation}").parse().unwrap(), self.request(device));
        let store = &self.bench.store;
        let done = store.step_conversation(&actor, request.clone(), id, step, self.now).await.unwrap();
        let Some(outcome) = self.ended(device, request, done) else { return Ok(()) };
        let (me, talk) = (device / 2, &mut self.conversations[conversation]);
        let expected = match talk.places[me].map(|place| place.after(step)) {
            None => Err(Failure::NoSuchConversation),
            Some(Err(_)) => Err(Failure::WrongState),
            Some(Ok(after)) => {
                talk.places[me] = Some(after);
                if after == Participation::Left {
                    talk.take_all_back(me);
                }
                Ok(())
            }
        };
        prop_assert_eq!(outcome.map(drop), expected);
        Ok(())
    }

    async fn cancel(&mut self, device: usize, conversation: usize, which: usize) -> Checked {
        let Some((actor, conversation)) = self.actor_in(device, conversation) else { return Ok(()) };
        let talk = &self.conversations[conversation];
        let which = which % talk.asked.len();
        let asked = &talk.asked[which];
        let (is_mine, rings) = (device / 2 == asked.inviter, talk.rings(which));
        let (name, request) = (asked.name.parse().unwrap(), self.request(device));
        let store = &self.bench.store;
        let done = store.cancel_invitation(&actor, request.clone(), name, self.now).await.unwrap();
        let Some(outcome) = self.ended(device, request, done) else { return Ok(()) };
        if !is_mine {
            prop_assert_eq!(outcome, Err(Failure::NoSuchInvitation));
        } else if rings {
            prop_assert!(outcome.is_ok(), "{outcome:?}");
            self.conversations[conversation].take_back(which);
        }
        Ok(())
    }

    async fn invite(&mut self, device: usize, conversation: usize, to: usize) -> Checked {
        let Some((actor, conversation)) = self.actor_in(device, conversation) else { return Ok(()) };
        let (me, invited) = (device / 2, (device / 2 + to) % PEOPLE.len());
        let (name, request) = (self.name(), self.request(device));
        let joining = Joining {
            conversation: format!("c{conversation}").parse().unwrap(),
            invitation: name.parse().unwrap(),
            whom: format!("{}@office.test", PEOPLE[invited]).parse().unwrap(),
            operation: None,
        };
        let store = &self.bench.store;
        let done = store.invite_into_conversation(&actor, request.clone(), joining, self.now).await.unwrap();
        let Some(outcome) = self.ended(device, request, done) else { return Ok(()) };
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

    async fn read(&mut self, device: usize, conversation: usize) -> Checked {
        let Some((actor, conversation)) = self.actor_in(device, conversation) else { return Ok(()) };
        let (id, request) = (format!("c{conversation}").parse().unwrap(), self.request(device));
        let (store, all) = (&self.bench.store, MessageName::Newest);
        let done = store.mark_read(&actor, request.clone(), id, all, self.now).await.unwrap();
        let Some(outcome) = self.ended(device, request, done) else { return Ok(()) };
        let takes_part = self.conversations[conversation].places[device / 2].is_some();
        let expected = if takes_part { Ok(()) } else { Err(Failure::NoSuchConversation) };
        prop_assert_eq!(outcome.map(drop), expected);
        Ok(())
    }

    async fn look(&mut self, device: usize, activity: Activity) -> Checked {
        let Some(actor) = self.clients[device].session.clone() else { return Ok(()) };
        let request = self.request(device);
        let store = &self.bench.store;
        let done = store.set_activity(&actor, request.clone(), activity, self.now).await.unwrap();
        self.ended(device, request, done);
        Ok(())
    }

    /// One poll; whether there was anything. The answer to one that is lost changes nothing for the client.
    async fn poll(&mut self, device: usize, lost: bool) -> Result<bool, TestCaseError> {
        let client = &mut self.clients[device];
        let Some(actor) = client.session.clone() else { return Ok(false) };
        let store = &self.bench.store;
        store.acknowledge(&actor.session, client.ack, self.now).await.unwrap();
        let Some(inbox) = store.inbox(&actor.session, client.ack, self.now).await.unwrap() else {
            client.signed_out();
            return Ok(false);
        };
        if !lost {
            inbox.events.iter().try_for_each(|numbered| client.take(numbered))?;
        }
        Ok(!inbox.events.is_empty())
    }

    async fn poll_all(&mut self, device: usize) -> Checked {
        while self.poll(device, false).await? {}
        Ok(())
    }

    /// How often a client was told to look again.
    pub(super) fn resyncs(&self) -> usize {
        self.clients.iter().map(|client| client.resyncs).sum()
    }

    /// Everybody fetches what there is and signs in again: nothing is missing, nothing is there twice.
    pub(super) async fn check(&mut self) -> Checked {
        self.tick();
        for device in 0..DEVICES {
            self.poll_all(device).await?;
            let given = &self.clients[device].given;
            prop_assert!(given.is_empty(), "device {} is not told of {:?}", device, given);
            self.tick();
            self.sign_in(device).await;
            self.poll_all(device).await?;
        }
        for device in 0..DEVICES {
            // What arrived at the others meanwhile.
            self.poll_all(device).await?;
            let (client, person) = (&self.clients[device], device / 2);
            prop_assert_eq!(&client.shown, &self.heard[person], "on device {}", device);
            prop_assert_eq!(
                self.of_two(person, &client.delivered),
                self.of_two(person, &self.reaches[person])
            );
        }
        Ok(())
    }

    /// Of messages and whom they have reached, those that this person said to one other: among many nobody is told.
    fn of_two<'a>(
        &self,
        person: usize,
        reached: impl IntoIterator<Item = &'a (String, String)>,
    ) -> BTreeSet<&'a (String, String)> {
        let of_two =
            |(_, conversation): &&(String, usize)| !self.conversations[*conversation].is_among_many();
        let said: BTreeSet<&String> = self.said[person].iter().filter(of_two).map(|(word, _)| word).collect();
        reached.into_iter().filter(|(word, _)| said.contains(word)).collect()
    }
}

async fn say(
    store: Store,
    actor: Actor,
    request: Option<RequestId>,
    conversation: usize,
    what: Said,
    now: Timestamp,
) -> Executed {
    let id = format!("c{conversation}").parse().unwrap();
    store.say(&actor, request, id, what, now).await.unwrap()
}
