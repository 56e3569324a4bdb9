//! What a signed-in session can ask for.

use fulmar_domain::{
    ConversationId, InvitationId, RequestId, SessionId, SipUri,
    contacts::ContactEdit,
    conversation::{MessageName, Step},
    device::PushRegistration,
    invitation::{About, OperationId},
    meeting::{MeetingEdit, MeetingUri},
    presence::SelfPresence,
    search::{SearchLimit, SearchQuery},
    session::{Activity, Session},
    subscription::SubscriptionEdit,
};
use fulmar_store::{Actor, Executed, Joining, NewNames, Opening, Outcome, Said, StoreError};
use thiserror::Error;

use crate::{
    App, Busy, Caller,
    random::{self, NoRandomness},
};

/// A command of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Who is in my list.
    QueryContacts,
    /// Who is meant by that.
    Search(SearchQuery, SearchLimit),
    /// Change my list.
    EditContacts(ContactEdit),
    /// How I want to be seen.
    PublishPresence(SelfPresence),
    /// Somebody uses the device.
    ReportActivity,
    /// What I look like; `None` takes my photo away.
    SetPhoto(Option<Vec<u8>>),
    /// What I see of others.
    SubscribePresence(Vec<SipUri>),
    /// What I see of others for a while.
    EditSubscription(SubscriptionEdit),
    /// Whether somebody looks at the device.
    SetActivity(Activity),
    /// Where the device is woken.
    RegisterPush(PushRegistration),
    /// Wake it no more.
    UnregisterPush,
    /// Wake it now.
    TestPush,
    /// Ask somebody for a conversation, with something said where there is something to say.
    OpenConversation(SipUri, About, Option<Said>),
    /// Ask somebody into a conversation that there is.
    Invite(ConversationId, SipUri, Option<OperationId>),
    /// Who is in a conversation, or in all that are active.
    QueryConversations(Option<ConversationId>),
    /// Accept, decline, leave.
    StepConversation(ConversationId, Step),
    /// Plan a meeting, change a plan, or give it up.
    EditMeeting(MeetingEdit),
    /// What I have planned.
    QueryMeetings,
    /// Come into a meeting.
    JoinMeeting(MeetingUri, About),
    /// Begin a meeting at once.
    StartMeeting(About),
    /// Take an invitation back.
    CancelInvitation(InvitationId),
    /// I know what I have missed, in one conversation or in all.
    AcknowledgeMissed(Option<ConversationId>),
    /// Say something.
    Say(ConversationId, Said),
    /// What was said in a conversation: the newest of it, or what came before that message.
    QueryMessages(ConversationId, MessageName),
    /// I have read what was said to me up to that message.
    MarkRead(ConversationId, MessageName),
    /// I am writing, or not any more.
    Compose(ConversationId, bool),
    /// Do not wake me for a conversation, or do so again.
    Mute(ConversationId, bool),
}

/// Why a command was not carried out.
#[derive(Debug, Error)]
pub enum CommandError {
    /// There is no such session, or it has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// The session is not the one of the ticket's device.
    #[error("the session belongs to another device or person")]
    ForeignSession,
    /// Too many others sign in or out.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// No name could be drawn for a conversation.
    #[error("can not draw the name of a conversation")]
    Random(#[from] NoRandomness),
    /// The store failed; nothing happened.
    #[error("can not carry a command out")]
    Store(#[from] StoreError),
}

impl App {
    /// The session of that name, if it is the caller's.
    ///
    /// # Errors
    /// [`CommandError::SessionEnded`] or [`CommandError::ForeignSession`].
    pub async fn session_of(&self, caller: &Caller, sid: &SessionId) -> Result<Session, CommandError> {
        let session = self.store.session(sid, self.now()).await?.ok_or(CommandError::SessionEnded)?;
        let own = session.account == caller.account.id && caller.device == Some(session.device);
        if own { Ok(session) } else { Err(CommandError::ForeignSession) }
    }

    /// Carries a command out. When this returns, its effects are on the disk, and where it has a name (`request`) an
    /// event with its outcome.
    ///
    /// # Errors
    /// [`CommandError`]; nothing happened then.
    pub async fn execute(
        &self,
        session: &Session,
        request: impl Into<Option<RequestId>>,
        command: Command,
    ) -> Result<Outcome, CommandError> {
        let actor = &Actor { account: session.account, session: session.id.clone() };
        let (store, now, request) = (&self.store, self.now(), request.into());
        let executed = match command {
            Command::QueryContacts => store.query_contacts(actor, request, now).await,
            Command::Search(query, limit) => store.tell_search(actor, request, query, limit, now).await,
            Command::EditContacts(edit) => store.edit_contacts(actor, request, edit, now).await,
            Command::PublishPresence(presence) => store.publish_presence(actor, request, presence, now).await,
            Command::SetPhoto(picture) => self.set_own_photo(actor, request, picture).await,
            Command::ReportActivity => store.report_activity(actor, request, now).await,
            Command::SubscribePresence(people) => store.subscribe_presence(actor, request, people, now).await,
            Command::EditSubscription(edit) => store.edit_subscription(actor, request, edit, now).await,
            Command::SetActivity(activity) => store.set_activity(actor, request, activity, now).await,
            Command::RegisterPush(registration) => {
                store.register_push(actor, request, registration, now).await
            }
            Command::UnregisterPush => store.unregister_push(actor, request, now).await,
            Command::TestPush => {
                let request = request.map_or_else(random::identifier, Ok)?;
                store.test_push(actor, request, now).await
            }
            Command::OpenConversation(with, about, first) => {
                let (id, invitation) = (random::identifier()?, random::identifier()?);
                let opening = Opening { id, invitation, with, about, first };
                store.open_conversation(actor, request, opening, now).await
            }
            Command::Invite(conversation, whom, operation) => {
                let joining = Joining { conversation, invitation: random::identifier()?, whom, operation };
                store.invite_into_conversation(actor, request, joining, now).await
            }
            Command::QueryConversations(id) => store.query_conversations(actor, request, id, now).await,
            Command::StepConversation(id, step) => {
                store.step_conversation(actor, request, id, step, now).await
            }
            Command::EditMeeting(edit) => {
                store.edit_meeting(actor, request, edit, random::identifier()?, now).await
            }
            Command::QueryMeetings => store.query_meetings(actor, request, now).await,
            Command::JoinMeeting(uri, about) => {
                store.join_meeting(actor, request, (uri, about), new_names()?, now).await
            }
            Command::StartMeeting(about) => {
                store.start_meeting(actor, request, about, new_names()?, now).await
            }
            Command::CancelInvitation(invitation) => {
                store.cancel_invitation(actor, request, invitation, now).await
            }
            Command::AcknowledgeMissed(id) => store.acknowledge_missed(actor, request, id, now).await,
            Command::Say(id, said) => store.say(actor, request, id, said, now).await,
            Command::QueryMessages(id, before) => store.query_messages(actor, request, id, before, now).await,
            Command::MarkRead(id, up_to) => store.mark_read(actor, request, id, up_to, now).await,
            Command::Compose(id, writes) => store.compose(actor, request, id, writes, now).await,
            Command::Mute(id, muted) => store.mute_conversation(actor, request, id, muted, now).await,
        }?;
        outcome(executed)
    }

    /// Signs the device out; it is not woken any more.
    ///
    /// # Errors
    /// [`CommandError`]
    pub async fn terminate_session(&self, session: &Session) -> Result<(), CommandError> {
        let _turn = self.turns.begin().await?;
        let ended = self.store.terminate_session(&session.id, self.now()).await?;
        if ended { Ok(()) } else { Err(CommandError::SessionEnded) }
    }
}

fn new_names() -> Result<NewNames, NoRandomness> {
    Ok(NewNames { conversation: random::identifier()?, invitation: random::identifier()? })
}

/// What came of it, while the session lasted.
pub(crate) fn outcome(executed: Executed) -> Result<Outcome, CommandError> {
    match executed {
        Executed::Done(outcome) => Ok(outcome),
        Executed::SessionEnded => Err(CommandError::SessionEnded),
    }
}
