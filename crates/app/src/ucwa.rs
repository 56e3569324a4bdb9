//! Applications of UCWA.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fulmar_domain::{
    DeviceId,
    application::{Application, ClientDescription, ClientText},
    id::{ClientMessageId, SubscriptionId},
    presence::{Arrival, DeviceType},
    session::{Session, SessionEnd},
};
use fulmar_store::{
    Actor, NewApplication, NewSession, Outcome, StartedApplication, StoreError, TicketDigest,
};

use crate::{App, Caller, CommandError, InitiateSessionError, command::outcome, random};

/// An application, and whether it was made just now.
pub struct MadeApplication {
    /// The application.
    pub application: Application,
    /// Else the client had it before.
    pub created: bool,
}

impl App {
    /// Makes an application for a client, or finds the one that it has.
    ///
    /// # Errors
    /// [`InitiateSessionError`]
    pub async fn make_application(
        &self,
        caller: &Caller,
        client: ClientDescription,
    ) -> Result<MadeApplication, InitiateSessionError> {
        let _turn = self.turns.begin().await?;
        let session = NewSession {
            id: random::identifier()?,
            account: caller.account.id,
            endpoint: endpoint(&client),
            device_name: client.user_agent.as_str().to_owned(),
            device_type: device_type(&client),
            arrival: None,
        };
        let new = NewApplication { session, client };
        match self.store.start_application(new, caller.ticket, self.now()).await? {
            StartedApplication::Created(application) => Ok(MadeApplication { application, created: true }),
            StartedApplication::Known(application) => Ok(MadeApplication { application, created: false }),
            StartedApplication::ForeignTicket => Err(InitiateSessionError::ForeignTicket),
            StartedApplication::TooMany => Err(InitiateSessionError::TooManySessions),
        }
    }

    /// The caller's application on that device, as an instance of its client sees it; `None` when there is none that
    /// lasts.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn application(
        &self,
        caller: &Caller,
        device: DeviceId,
        instance: Option<&ClientText>,
    ) -> Result<Option<Application>, StoreError> {
        let found = self.store.application(device, instance, self.now()).await?;
        Ok(found.filter(|application| {
            application.session.account == caller.account.id && caller.device == Some(device)
        }))
    }

    /// How the caller's application on that device ended, where nobody ended it.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn application_end(
        &self,
        caller: &Caller,
        device: DeviceId,
    ) -> Result<Option<SessionEnd>, StoreError> {
        if caller.device != Some(device) {
            return Ok(None);
        }
        self.store.session_end(device, self.now()).await
    }

    /// Ends an application, or the one instance that asks for it where there are others.
    ///
    /// # Errors
    /// [`CommandError`]
    pub async fn end_application(&self, application: &Application) -> Result<(), CommandError> {
        let session = &application.session;
        if let Some(instance) = &application.client.instance_id
            && self.store.close_channel(session, instance, self.now()).await?
        {
            return Ok(());
        }
        self.terminate_session(session).await
    }

    /// What stands between the parts of an answer, and in none of them.
    ///
    /// # Errors
    /// [`CommandError::Random`]
    pub fn boundary(&self) -> Result<String, CommandError> {
        Ok(format!("{:032x}", u128::from_be_bytes(random::bytes()?)))
    }

    /// What a message is called whose client calls it nothing, or what its client calls it: sending it again under that
    /// name is the same message.
    ///
    /// # Errors
    /// [`CommandError::Random`]
    pub fn client_message_id(&self, operation: Option<&str>) -> Result<ClientMessageId, CommandError> {
        match operation.and_then(|operation| operation.parse().ok()) {
            Some(name) => Ok(name),
            None => Ok(random::identifier()?),
        }
    }

    /// A name for a subscription of a client that gives it none.
    ///
    /// # Errors
    /// [`CommandError::Random`]
    pub fn subscription_id(&self) -> Result<SubscriptionId, CommandError> {
        Ok(random::identifier()?)
    }

    /// Lets the person be seen on this application, which takes messages in these formats.
    ///
    /// # Errors
    /// [`CommandError`]
    pub async fn make_available(
        &self,
        session: &Session,
        arrival: Arrival,
        formats: Vec<String>,
    ) -> Result<Outcome, CommandError> {
        let actor = Actor { account: session.account, session: session.id.clone() };
        outcome(self.store.make_available(&actor, arrival, formats, self.now()).await?)
    }
}

/// What a client runs on, as far as it says.
fn device_type(client: &ClientDescription) -> DeviceType {
    match client.kind.as_str().to_ascii_lowercase().as_str() {
        "browser" => DeviceType::Web,
        "phone" | "tablet" => DeviceType::Mobile,
        "desktop" => DeviceType::Pc,
        _ => DeviceType::Unknown,
    }
}

/// The endpoint of a client: a digest of what tells it from others, because its own words are no identifier.
#[expect(clippy::expect_used, reason = "43 letters of base64url are an identifier")]
fn endpoint(client: &ClientDescription) -> fulmar_domain::id::EndpointId {
    let ClientDescription { endpoint_id, culture, user_agent, kind, instance_id: _ } = client;
    // No text has a control character, so none can pose as two.
    let whole = [endpoint_id, culture, user_agent, kind].map(ClientText::as_str).join("\n");
    let digest = URL_SAFE_NO_PAD.encode(TicketDigest::of(whole.as_bytes()).as_bytes());
    digest.parse().expect("43 letters of base64url are an identifier")
}
