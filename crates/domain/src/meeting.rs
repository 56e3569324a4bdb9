//! Meetings that somebody planned ("UCWA reference, myOnlineMeeting"): a place where people of the office meet in
//! writing.

use std::{str::FromStr, time::Duration};

use thiserror::Error;

use crate::{SipUri, Timestamp, id::MeetingId};

/// How long a meeting is kept whose organizer says nothing else.
pub const LIFETIME: Duration = Duration::from_secs(8 * 3600);
/// The longest that one may be planned ahead.
pub const LONGEST_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);
/// The most meetings of one person.
pub const MAX_MEETINGS: u32 = 100;
/// The most people who are invited to one.
pub const MAX_INVITED: usize = 250;
/// The most characters of its texts.
const MAX_SUBJECT: usize = 250;
const MAX_DESCRIPTION: usize = 2000;

/// A planned meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// Which.
    pub id: MeetingId,
    /// Whose.
    pub organizer: SipUri,
    /// What its organizer says of it.
    pub plan: MeetingPlan,
    /// Grows with every change.
    pub revision: u32,
}

/// What the organizer of a meeting decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingPlan {
    /// What it is about; may be empty.
    pub subject: String,
    /// More of that.
    pub description: String,
    /// Who may come.
    pub access: AccessLevel,
    /// Who is invited.
    pub attendees: Vec<SipUri>,
    /// Who leads it beside the organizer.
    pub leaders: Vec<SipUri>,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// Who may join a meeting ("AccessLevel"). Everybody is somebody of the office: nobody else can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLevel {
    /// Whoever has its address.
    Everyone,
    /// The same, since nobody from elsewhere comes.
    SameEnterprise,
    /// Those who are invited, and leaders.
    Invited,
    /// Leaders.
    Locked,
}

/// The text names no level of access.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not one of Everyone, SameEnterprise, Invited, Locked")]
pub struct UnknownAccessLevel(String);

/// What is wrong with a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPlan {
    /// The subject is too long.
    #[error("a subject has at most 250 characters")]
    Subject,
    /// The description is too long.
    #[error("a description has at most 2000 characters")]
    Description,
    /// Too many people.
    #[error("at most 250 people are invited to a meeting")]
    TooMany,
    /// It would end before it begins, or is too far away.
    #[error("a meeting ends within a year from now")]
    Expiry,
}

impl AccessLevel {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Everyone, Self::SameEnterprise, Self::Invited, Self::Locked];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "Everyone",
            Self::SameEnterprise => "SameEnterprise",
            Self::Invited => "Invited",
            Self::Locked => "Locked",
        }
    }
}

impl FromStr for AccessLevel {
    type Err = UnknownAccessLevel;

    fn from_str(text: &str) -> Result<Self, UnknownAccessLevel> {
        let found = Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| UnknownAccessLevel(text.chars().take(32).collect()))
    }
}

impl MeetingPlan {
    /// Whether it can be a meeting from `now` on.
    ///
    /// # Errors
    /// [`InvalidPlan`]
    pub fn check(&self, now: Timestamp) -> Result<(), InvalidPlan> {
        if self.subject.chars().count() > MAX_SUBJECT {
            return Err(InvalidPlan::Subject);
        }
        if self.description.chars().count() > MAX_DESCRIPTION {
            return Err(InvalidPlan::Description);
        }
        if self.attendees.len() + self.leaders.len() > MAX_INVITED {
            return Err(InvalidPlan::TooMany);
        }
        if self.expires_at <= now || self.expires_at > now + LONGEST_LIFETIME {
            return Err(InvalidPlan::Expiry);
        }
        Ok(())
    }
}

impl Meeting {
    /// Whether somebody may join.
    pub fn admits(&self, person: &SipUri) -> bool {
        let leads = self.organizer == *person || self.plan.leaders.contains(person);
        match self.plan.access {
            AccessLevel::Everyone | AccessLevel::SameEnterprise => true,
            AccessLevel::Invited => leads || self.plan.attendees.contains(person),
            AccessLevel::Locked => leads,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn uri(name: &str) -> SipUri {
        format!("{name}@office.test").parse().unwrap()
    }

    fn meeting(access: AccessLevel) -> Meeting {
        let plan = MeetingPlan {
            subject: "Plans".into(),
            description: String::new(),
            access,
            attendees: vec![uri("ben")],
            leaders: vec![uri("carla")],
            expires_at: NOW + LIFETIME,
        };
        Meeting { id: "m".parse().unwrap(), organizer: uri("anna"), plan, revision: 1 }
    }

    #[test]
    fn who_may_join_follows_from_the_level_of_access() {
        let admitted = |access| {
            let meeting = meeting(access);
            ["anna", "ben", "carla", "dora"].map(|name| meeting.admits(&uri(name)))
        };
        assert_eq!(admitted(AccessLevel::SameEnterprise), [true; 4]);
        assert_eq!(admitted(AccessLevel::Invited), [true, true, true, false]);
        assert_eq!(admitted(AccessLevel::Locked), [true, false, true, false]);
    }

    #[test]
    fn a_plan_is_bounded() {
        let plan = meeting(AccessLevel::Everyone).plan;
        assert_eq!(plan.check(NOW), Ok(()));
        let cases = [
            (MeetingPlan { subject: "x".repeat(251), ..plan.clone() }, InvalidPlan::Subject),
            (MeetingPlan { description: "x".repeat(2001), ..plan.clone() }, InvalidPlan::Description),
            (MeetingPlan { attendees: vec![uri("ben"); 250], ..plan.clone() }, InvalidPlan::TooMany),
            (MeetingPlan { expires_at: NOW, ..plan.clone() }, InvalidPlan::Expiry),
            (MeetingPlan { expires_at: NOW + LONGEST_LIFETIME + LIFETIME, ..plan }, InvalidPlan::Expiry),
        ];
        for (plan, problem) in cases {
            assert_eq!(plan.check(NOW), Err(problem));
        }
    }
}
