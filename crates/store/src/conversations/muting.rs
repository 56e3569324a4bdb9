//! Conversations that a person has muted: none of their devices is woken for them. The mark is the person's own, stays
//! when they leave and come back, and nobody else is told of it.

use fulmar_domain::{ConversationId, RequestId, Timestamp, event::Failure};
use rusqlite::params;

use crate::{
    Actor, Store, StoreError,
    conversations::place,
    events::Entry,
    history, notifications,
    sessions::{Effect, Executed},
};

impl Store {
    /// Mutes a conversation, or does so no more. The person's devices are told; what they were to be woken for is
    /// withdrawn, or made up for.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn mute_conversation(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        conversation: ConversationId,
        muted: bool,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("mute a conversation", actor, request.into(), now, move |tx, session| {
            let me = session.account.0;
            let Some(place) = place(tx, &conversation, me, now)? else {
                return Ok(Effect::failed(Failure::NoSuchConversation));
            };
            let update = "UPDATE participant SET muted = ?3
                 WHERE conversation = ?1 AND account = ?2 AND muted <> ?3";
            let values = params![place.conversation, me, muted];
            if tx.sql.prepare_cached(update)?.execute(values)? > 0 {
                history::tell(tx, me, Entry::Muted { conversation: place.conversation, muted }, now)?;
                notifications::reconsider_person(tx, me, now)?;
            }
            Ok(Effect::concerns(place.conversation))
        })
        .await
    }
}
