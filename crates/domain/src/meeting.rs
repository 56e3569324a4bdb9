//! Meetings, planned or begun at once ("UCWA reference, myOnlineMeeting"): a place where people of the office meet in
//! writing.

use std::{fmt, str::FromStr, time::Duration};

use thiserror::Error;

use crate::{SipUri, Timestamp, conversation::RECENT, id::MeetingId};

/// How long a meeting is kept whose organizer says nothing else.
pub const LIFETIME: Duration = Duration::from_secs(8 * 3600);
/// The longest that one may be planned ahead.
pub const LONGEST_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);
/// How long one can be joined that began at once: as long as a conversation in which nothing is said is active.
pub const AD_HOC_LIFETIME: Duration = RECENT;
/// The most meetings that one person has planned, and the most that began at once and in which they are.
pub const MAX_MEETINGS: u32 = 100;
/// The most people who are invited to one.
pub const MAX_INVITED: usize = 250;
/// The most characters of its texts.
const MAX_SUBJECT: usize = 250;
const MAX_DESCRIPTION: usize = 2000;

/// A meeting.
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
    /// It began at once, and is among nobody's plans.
    pub ad_hoc: bool,
}

/// The address of a meeting, by which it is joined ("onlineMeetingUri").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingUri {
    /// Whose.
    pub organizer: SipUri,
    /// Which.
    pub id: MeetingId,
}

/// The text is not the address of a meeting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an address such as `sip:anna@office.example;gruu;opaque=app:conf:focus:id:5f1d3c`")]
pub struct InvalidMeetingUri(String);

/// What a person does with a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeetingEdit {
    /// Makes it.
    Plan(MeetingPlan),
    /// Replaces it.
    Change {
        /// Which.
        id: MeetingId,
        /// As it was seen.
        revision: u32,
        /// By what.
        plan: MeetingPlan,
    },
    /// Gives it up.
    Delete(MeetingId),
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
    /// Those who are invited, leaders, and who was asked by somebody there.
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
    /// Whether somebody may join who was in it before, or not.
    pub fn admits(&self, person: &SipUri, was_there: bool) -> bool {
        match self.plan.access {
            AccessLevel::Everyone | AccessLevel::SameEnterprise => true,
            AccessLevel::Invited => self.leads(person) || self.plan.attendees.contains(person) || was_there,
            AccessLevel::Locked => self.leads(person),
        }
    }

    /// Whether somebody who takes part may ask another person in: who leads may ask anybody, the others those who
    /// might come by themselves. What began at once is everybody's.
    pub fn may_ask(&self, who: &SipUri, whom: &SipUri, was_there: bool) -> bool {
        self.ad_hoc || self.leads(who) || self.admits(whom, was_there)
    }

    /// Whether somebody leads it.
    pub fn leads(&self, person: &SipUri) -> bool {
        self.organizer == *person || self.plan.leaders.contains(person)
    }

    /// By what it is joined.
    pub fn uri(&self) -> MeetingUri {
        MeetingUri { organizer: self.organizer.clone(), id: self.id.clone() }
    }
}

/// What stands between the organizer and the name of a meeting.
const FOCUS: &str = ";gruu;opaque=app:conf:focus:id:";

impl FromStr for MeetingUri {
    type Err = InvalidMeetingUri;

    fn from_str(text: &str) -> Result<Self, InvalidMeetingUri> {
        let parts = text.split_once(FOCUS);
        let parts = parts.and_then(|(organizer, id)| Some((organizer.parse().ok()?, id.parse().ok()?)));
        let (organizer, id) = parts.ok_or_else(|| InvalidMeetingUri(text.chars().take(400).collect()))?;
        Ok(Self { organizer, id })
    }
}

impl fmt::Display for MeetingUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{FOCUS}{}", self.organizer, self.id)
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
        Meeting { id: "m".parse().unwrap(), organizer: uri("anna"), plan, revision: 1, ad_hoc: false }
    }

    #[test]
    fn who_may_join_follows_from_the_level_of_access() {
        let admitted = |access| {
            let meeting = meeting(access);
            ["anna", "ben", "carla", "dora"].map(|name| meeting.admits(&uri(name), false))
        };
        assert_eq!(admitted(AccessLevel::SameEnterprise), [true; 4]);
        assert_eq!(admitted(AccessLevel::Invited), [true, true, true, false]);
        assert_eq!(admitted(AccessLevel::Locked), [true, false, true, false]);
        assert!(meeting(AccessLevel::Invited).admits(&uri("dora"), true));
        assert!(!meeting(AccessLevel::Locked).admits(&uri("dora"), true));
    }

    #[test]
    fn who_leads_asks_anybody_and_others_whoever_might_come() {
        let invited = meeting(AccessLevel::Invited);
        assert!(invited.may_ask(&uri("carla"), &uri("dora"), false));
        assert!(!invited.may_ask(&uri("ben"), &uri("dora"), false));
        assert!(invited.may_ask(&uri("ben"), &uri("carla"), false));
        assert!(Meeting { ad_hoc: true, ..invited }.may_ask(&uri("ben"), &uri("dora"), false));
    }

    #[test]
    fn an_address_is_read_back() {
        let written = "sip:anna@office.test;gruu;opaque=app:conf:focus:id:m";
        assert_eq!(meeting(AccessLevel::Everyone).uri().to_string(), written);
        assert_eq!(written.parse(), Ok(meeting(AccessLevel::Everyone).uri()));
        for bad in ["", "sip:anna@office.test", &written.replace(":m", ":"), &written.replace("anna@", "")] {
            assert_eq!(bad.parse::<MeetingUri>(), Err(InvalidMeetingUri(bad.to_owned())));
        }
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
