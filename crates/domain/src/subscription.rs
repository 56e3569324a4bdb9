//! Whom a session follows, and for how long ("UCWA reference, presenceSubscription").

use std::{str::FromStr, time::Duration};

use thiserror::Error;

use crate::{SipUri, Timestamp, contacts::GroupId, id::SubscriptionId};

/// The most people that one session follows.
pub const MAX_FOLLOWED: u32 = 500;
/// The most subscriptions with an end that one session has.
pub const MAX_SUBSCRIPTIONS: u32 = 64;
/// How long before its end a session is told that a subscription will end.
pub const WARNING: Duration = Duration::from_secs(2 * 60);

/// Whom a subscription follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// These people.
    People(Vec<SipUri>),
    /// Everybody in a group of the person's list, also those who come into it later.
    Group(GroupId),
    /// Everybody in the list.
    List,
}

/// How long a subscription lasts: 10 to 30 minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease(Duration);

/// The duration is too short or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a subscription lasts 10 to 30 minutes")]
pub struct InvalidLease;

impl Lease {
    /// The shortest.
    pub const MIN: Self = Self(Duration::from_secs(10 * 60));
    /// The longest, also of one that is extended.
    pub const MAX: Self = Self(Duration::from_secs(30 * 60));

    /// The nearest that is allowed.
    pub fn nearest(duration: Duration) -> Self {
        Self(duration).clamp(Self::MIN, Self::MAX)
    }

    /// How long it lasts.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// The end of a subscription that would have ended at `ends_at` and is extended by this.
    pub fn extend(self, ends_at: Timestamp, now: Timestamp) -> Timestamp {
        (ends_at.max(now) + self.0).min(now + Self::MAX.0)
    }
}

impl TryFrom<Duration> for Lease {
    type Error = InvalidLease;

    fn try_from(duration: Duration) -> Result<Self, InvalidLease> {
        if Self::nearest(duration).0 == duration { Ok(Self(duration)) } else { Err(InvalidLease) }
    }
}

/// What a session does to its subscriptions. Their names are its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionEdit {
    /// Begins one. Where it is there already the time runs anew, and people are added to those in it.
    Start(SubscriptionId, Followed, Lease),
    /// Follows more people in it.
    Add(SubscriptionId, Vec<SipUri>),
    /// Follows somebody no more in it.
    Remove(SubscriptionId, SipUri),
    /// Lets it last longer.
    Extend(SubscriptionId, Lease),
    /// Ends it.
    End(SubscriptionId),
}

impl SubscriptionEdit {
    /// The subscription that is changed.
    pub fn subscription(&self) -> &SubscriptionId {
        match self {
            Self::Start(id, ..)
            | Self::Add(id, _)
            | Self::Remove(id, _)
            | Self::Extend(id, _)
            | Self::End(id) => id,
        }
    }
}

/// A subscription with an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The session's name for it.
    pub id: SubscriptionId,
    /// When it ends.
    pub ends_at: Timestamp,
    /// Whom it follows now, by address.
    pub people: Vec<SipUri>,
}

/// What happened to a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// It began.
    Added,
    /// It lasts longer.
    Extended,
    /// It will end soon.
    Expiring,
    /// It has ended.
    Deleted,
}

impl SubscriptionChange {
    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Extended => "extended",
            Self::Expiring => "expiring",
            Self::Deleted => "deleted",
        }
    }
}

/// The text names no change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a change of a subscription")]
pub struct UnknownSubscriptionChange(String);

impl FromStr for SubscriptionChange {
    type Err = UnknownSubscriptionChange;

    fn from_str(text: &str) -> Result<Self, UnknownSubscriptionChange> {
        let all = [Self::Added, Self::Extended, Self::Expiring, Self::Deleted];
        let found = all.into_iter().find(|change| change.as_str() == text);
        found.ok_or_else(|| UnknownSubscriptionChange(text.chars().take(16).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    #[test]
    fn a_subscription_lasts_ten_to_thirty_minutes() {
        assert!([10, 11, 30].into_iter().all(|m| Lease::try_from(minutes(m)).is_ok()));
        assert!([0, 9, 31].into_iter().all(|m| Lease::try_from(minutes(m)).is_err()));
        assert_eq!(Lease::nearest(minutes(60)), Lease::MAX);
    }

    #[test]
    fn what_is_extended_ends_in_thirty_minutes_at_the_latest() {
        let ten = Lease::MIN;
        assert_eq!(ten.extend(NOON + minutes(5), NOON), NOON + minutes(15));
        assert_eq!(ten.extend(NOON + minutes(25), NOON), NOON + minutes(30));
        assert_eq!(ten.extend(NOON - minutes(5), NOON), NOON + minutes(10));
    }
}
