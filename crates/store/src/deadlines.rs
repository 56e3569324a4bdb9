//! What ends by itself within seconds. It is judged by its stored time whenever somebody looks; the sweep tells those
//! who wait for it.

use fulmar_domain::Timestamp;
use rusqlite::Connection;
use tokio::sync::watch;

use crate::{Store, StoreError, conversations};

impl Store {
    /// Raised when something has got a deadline.
    pub fn deadlines(&self) -> watch::Receiver<u64> {
        self.signals().deadlines.subscribe()
    }

    /// Ends what is over, and tells those concerned; when the next thing is over.
    ///
    /// # Errors
    /// When it could not be committed; it is done the next time.
    pub async fn sweep(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let next = self.read("look for the next deadline", next).await?;
        if next.is_none_or(|next| next > now) {
            return Ok(next);
        }
        self.change("end what is over", move |tx| {
            conversations::expire_invitations(tx, now)?;
            conversations::expire_typing(tx, now)?;
            self::next(tx.sql)
        })
        .await
    }
}

fn next(sql: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let all = [conversations::invitation_deadline(sql)?, conversations::typing_deadline(sql)?];
    Ok(all.into_iter().flatten().min())
}
