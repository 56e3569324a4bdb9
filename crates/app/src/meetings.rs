//! Planning meetings.

use fulmar_domain::{
    AccountId,
    id::MeetingId,
    meeting::{InvalidPlan, Meeting, MeetingPlan},
};
use fulmar_store::{MeetingChange, NewMeeting, StoreError};
use thiserror::Error;

use crate::{
    App,
    random::{self, NoRandomness},
};

/// Why a meeting could not be planned or changed.
#[derive(Debug, Error)]
pub enum MeetingError {
    /// The plan can not be one.
    #[error(transparent)]
    Invalid(#[from] InvalidPlan),
    /// The person has as many as there may be.
    #[error("a person has at most 100 meetings")]
    TooMany,
    /// The person has planned no such meeting.
    #[error("there is no such meeting")]
    NoSuchMeeting,
    /// It was changed since the caller looked at it.
    #[error("the meeting was changed meanwhile")]
    Outdated,
    /// No name could be drawn.
    #[error("can not draw the name of a meeting")]
    Random(#[from] NoRandomness),
    /// The store failed.
    #[error("can not keep a meeting")]
    Store(#[from] StoreError),
}

impl App {
    /// Plans a meeting.
    ///
    /// # Errors
    /// [`MeetingError`]
    pub async fn plan_meeting(
        &self,
        organizer: AccountId,
        plan: MeetingPlan,
    ) -> Result<Meeting, MeetingError> {
        let now = self.now();
        plan.check(now)?;
        match self.store.plan_meeting(organizer, random::identifier()?, plan, now).await? {
            NewMeeting::Planned(meeting) => Ok(meeting),
            NewMeeting::TooMany => Err(MeetingError::TooMany),
        }
    }

    /// Replaces the plan of a meeting that the caller has seen at `revision`.
    ///
    /// # Errors
    /// [`MeetingError`]
    pub async fn change_meeting(
        &self,
        organizer: AccountId,
        meeting: MeetingId,
        revision: u32,
        plan: MeetingPlan,
    ) -> Result<Meeting, MeetingError> {
        let now = self.now();
        plan.check(now)?;
        match self.store.change_meeting(organizer, meeting, revision, plan, now).await? {
            MeetingChange::Changed(meeting) => Ok(meeting),
            MeetingChange::Outdated => Err(MeetingError::Outdated),
            MeetingChange::NoSuchMeeting => Err(MeetingError::NoSuchMeeting),
        }
    }

    /// Forgets a meeting.
    ///
    /// # Errors
    /// [`MeetingError::NoSuchMeeting`] and failures of the store.
    pub async fn delete_meeting(&self, organizer: AccountId, meeting: MeetingId) -> Result<(), MeetingError> {
        let deleted = self.store.delete_meeting(organizer, meeting).await?;
        if deleted { Ok(()) } else { Err(MeetingError::NoSuchMeeting) }
    }
}
