//! Planned meetings.

use fulmar_domain::{
    AccountId, SipUri, Timestamp,
    id::MeetingId,
    meeting::{MAX_MEETINGS, Meeting, MeetingPlan},
};
use rusqlite::{Connection, Row, params};

use crate::{
    Store, StoreError,
    rows::{found, parsed, timestamp},
};

/// What came of planning a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewMeeting {
    /// It is there.
    Planned(Meeting),
    /// The person has as many as there may be.
    TooMany,
}

/// What came of changing one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeetingChange {
    /// As it is now.
    Changed(Meeting),
    /// It was changed since it was looked at; nothing happened.
    Outdated,
    /// The person has planned no such meeting.
    NoSuchMeeting,
}

impl Store {
    /// Plans a meeting under a name that the caller drew.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn plan_meeting(
        &self,
        organizer: AccountId,
        name: MeetingId,
        plan: MeetingPlan,
        now: Timestamp,
    ) -> Result<NewMeeting, StoreError> {
        self.change("plan a meeting", move |tx| {
            let count = "SELECT count(*) FROM meeting WHERE organizer = ?1 AND expires_at > ?2";
            let planned: u32 =
                tx.sql.query_row(count, params![organizer.0, now.as_millis()], |row| row.get(0))?;
            if planned >= MAX_MEETINGS {
                return Ok(NewMeeting::TooMany);
            }
            tx.sql.execute(
                "INSERT INTO meeting (name, organizer, subject, description, access, attendees, leaders, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    name.as_str(),
                    organizer.0,
                    plan.subject,
                    plan.description,
                    plan.access.as_str(),
                    lines(&plan.attendees),
                    lines(&plan.leaders),
                    plan.expires_at.as_millis()
                ],
            )?;
            let planned = find(tx.sql, &name, now)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            Ok(NewMeeting::Planned(planned))
        })
        .await
    }

    /// Replaces the plan of a meeting, if `revision` is still its latest.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn change_meeting(
        &self,
        organizer: AccountId,
        name: MeetingId,
        revision: u32,
        plan: MeetingPlan,
        now: Timestamp,
    ) -> Result<MeetingChange, StoreError> {
        self.change("change a meeting", move |tx| {
            let Some(known) = own(tx.sql, organizer, &name, now)? else {
                return Ok(MeetingChange::NoSuchMeeting);
            };
            if known.revision != revision {
                return Ok(MeetingChange::Outdated);
            }
            tx.sql.execute(
                "UPDATE meeting SET subject = ?2, description = ?3, access = ?4, attendees = ?5, leaders = ?6,
                     expires_at = ?7, revision = revision + 1 WHERE name = ?1",
                params![
                    name.as_str(),
                    plan.subject,
                    plan.description,
                    plan.access.as_str(),
                    lines(&plan.attendees),
                    lines(&plan.leaders),
                    plan.expires_at.as_millis()
                ],
            )?;
            let changed = find(tx.sql, &name, now)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            Ok(MeetingChange::Changed(changed))
        })
        .await
    }

    /// Forgets a meeting of that person. `false` when there is none. A conversation that came of it goes on.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn delete_meeting(&self, organizer: AccountId, name: MeetingId) -> Result<bool, StoreError> {
        self.change("delete a meeting", move |tx| {
            let delete = "DELETE FROM meeting WHERE organizer = ?1 AND name = ?2";
            Ok(tx.sql.execute(delete, params![organizer.0, name.as_str()])? == 1)
        })
        .await
    }

    /// The meetings that a person has planned, the earliest first.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn meetings(&self, organizer: AccountId, now: Timestamp) -> Result<Vec<Meeting>, StoreError> {
        self.read("list the meetings of a person", move |sql| {
            sql.prepare_cached(&format!(
                "{SELECT} WHERE m.organizer = ?1 AND m.expires_at > ?2 ORDER BY m.id"
            ))?
            .query_map(params![organizer.0, now.as_millis()], meeting)?
            .collect()
        })
        .await
    }

    /// A meeting, whoever planned it.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn meeting(&self, name: MeetingId, now: Timestamp) -> Result<Option<Meeting>, StoreError> {
        self.read("look a meeting up", move |sql| find(sql, &name, now)).await
    }
}

const SELECT: &str =
    "SELECT m.name, a.uri, m.subject, m.description, m.access, m.attendees, m.leaders, m.expires_at,
         m.revision
     FROM meeting m JOIN account a ON a.id = m.organizer";

fn find(sql: &Connection, name: &MeetingId, now: Timestamp) -> rusqlite::Result<Option<Meeting>> {
    let select = format!("{SELECT} WHERE m.name = ?1 AND m.expires_at > ?2");
    found(sql.prepare_cached(&select)?.query_row(params![name.as_str(), now.as_millis()], meeting))
}

fn own(
    sql: &Connection,
    organizer: AccountId,
    name: &MeetingId,
    now: Timestamp,
) -> rusqlite::Result<Option<Meeting>> {
    let select = format!("{SELECT} WHERE m.name = ?1 AND m.expires_at > ?2 AND m.organizer = ?3");
    let values = params![name.as_str(), now.as_millis(), organizer.0];
    found(sql.prepare_cached(&select)?.query_row(values, meeting))
}

fn meeting(row: &Row<'_>) -> rusqlite::Result<Meeting> {
    let plan = MeetingPlan {
        subject: row.get(2)?,
        description: row.get(3)?,
        access: parsed(row, 4)?,
        attendees: people(row, 5)?,
        leaders: people(row, 6)?,
        expires_at: timestamp(row, 7)?,
    };
    Ok(Meeting { id: parsed(row, 0)?, organizer: parsed(row, 1)?, plan, revision: row.get(8)? })
}

fn lines(people: &[SipUri]) -> String {
    people.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn people(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<SipUri>> {
    let text: String = row.get(column)?;
    let person = |line: &str| {
        line.parse().map_err(|error: fulmar_domain::InvalidSipUri| {
            rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
        })
    };
    text.lines().map(person).collect()
}
