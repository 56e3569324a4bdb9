//! What is said to somebody who has not answered an invitation. UCWA tells it after the answer ("Receive an IM"), so
//! it has to be known, of every message that is told, whether it was said before that.

use fulmar_domain::{AccountId, InvitationId, MessageId, conversation::Message};
use rusqlite::params;

use crate::{Store, StoreError, conversations::messages};

/// The lines of the history of `?1` that are messages told while an invitation to them waited for its answer. They are
/// not looked for by `?1`, hence the `+`: a person has many lines.
const WAITING: &str = "FROM history said JOIN message m ON m.id = said.message
     JOIN invitation i ON i.conversation = m.conversation AND i.invited = ?1
     JOIN history asked ON asked.invitation = i.id AND +asked.account = ?1 AND asked.kind = 'invited'
     WHERE +said.account = ?1 AND said.kind = 'messageReceived' AND said.id > asked.id AND NOT EXISTS (
         SELECT 1 FROM history ended WHERE ended.invitation = i.id AND ended.account = ?1
             AND ended.kind = 'invitationEnded' AND ended.id < said.id)";

impl Store {
    /// Whether a message came to a person while an invitation to its conversation waited for their answer.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn came_before_the_answer(
        &self,
        person: AccountId,
        message: MessageId,
    ) -> Result<bool, StoreError> {
        self.read("look for an invitation behind a message", move |sql| {
            let select = format!("SELECT EXISTS (SELECT 1 {WAITING} AND said.message = ?2)");
            sql.prepare_cached(&select)?.query_row([person.0, message.0], |row| row.get(0))
        })
        .await
    }

    /// What came to a person while this invitation waited for their answer, in its order.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn said_before_the_answer(
        &self,
        person: AccountId,
        invitation: InvitationId,
    ) -> Result<Vec<Message>, StoreError> {
        self.read("read what was said before an answer", move |sql| {
            let select = format!("SELECT said.message {WAITING} AND i.name = ?2 ORDER BY said.id");
            let ids: Vec<i64> = sql
                .prepare_cached(&select)?
                .query_map(params![person.0, invitation.as_str()], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            ids.into_iter().map(|id| messages::message(sql, id)).collect()
        })
        .await
    }
}
