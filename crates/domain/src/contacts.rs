//! A person's list of contacts, and the groups in it.
//!
//! Everybody of the office is in everybody's list until they are taken out of it. Who is in no group that its owner
//! made is in the default group.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{DisplayName, SipUri, details::Details};

/// The most contacts that a person puts into groups or pins.
pub const MAX_CONTACTS: u32 = 250;
/// The most groups that a person makes.
pub const MAX_GROUPS: u32 = 64;
/// The most delegates of a person.
pub const MAX_DELEGATES: u32 = 25;

/// A colleague.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Address.
    pub uri: SipUri,
    /// Name.
    pub display_name: DisplayName,
}

/// A colleague in somebody's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedContact {
    /// Who.
    pub contact: Contact,
    /// What is known of them.
    pub details: Details,
    /// The groups of the list's owner that they are in, in the order of [`GroupId`].
    pub groups: Vec<GroupId>,
}

impl ListedContact {
    /// Whether one of these groups makes them part of the list; to be a delegate does not.
    pub fn is_listed(&self) -> bool {
        self.groups.iter().any(|group| group.lists())
    }

    /// Their e-mail addresses; where none is known, the address that they sign in with.
    pub fn emails(&self) -> Vec<String> {
        match self.details.emails.as_slice() {
            [] => vec![self.contact.uri.address()],
            emails => emails.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A list as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactList {
    /// The groups, in their order.
    pub groups: Vec<Group>,
    /// The contacts, by name.
    pub contacts: Vec<ListedContact>,
}

/// A group of a person's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which.
    pub id: GroupId,
    /// What it is called.
    pub name: GroupName,
}

/// Which group of a list, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupId {
    /// Those whom its owner wants at the top.
    Pinned,
    /// One that its owner made.
    Own(i64),
    /// Those who are in no group that its owner made.
    Default,
    /// Those who may act for its owner.
    Delegates,
    /// Those for whom its owner may act; they decide.
    Delegators,
}

impl GroupId {
    /// Those that every list has.
    pub const FIXED: [Self; 4] = [Self::Pinned, Self::Default, Self::Delegates, Self::Delegators];

    /// Whether who is in it is in the list.
    pub fn lists(self) -> bool {
        matches!(self, Self::Pinned | Self::Own(_) | Self::Default)
    }

    /// The name of a group that every list has; `None` for those that people make.
    pub fn fixed_name(self) -> Option<GroupName> {
        let name = match self {
            Self::Pinned => "Pinned Contacts",
            Self::Own(_) => return None,
            Self::Default => "Other Contacts",
            Self::Delegates => "Delegates",
            Self::Delegators => "Delegators",
        };
        Some(GroupName(name.to_owned()))
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned => f.write_str("pinned"),
            Self::Own(id) => id.fmt(f),
            Self::Default => f.write_str("default"),
            Self::Delegates => f.write_str("delegates"),
            Self::Delegators => f.write_str("delegators"),
        }
    }
}

/// The text names no group.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not the name of a group in a list")]
pub struct InvalidGroupId(String);

impl FromStr for GroupId {
    type Err = InvalidGroupId;

    fn from_str(text: &str) -> Result<Self, InvalidGroupId> {
        let fixed = Self::FIXED.into_iter().find(|group| group.to_string() == text);
        let own = || text.parse().ok().filter(|id| *id > 0).map(Self::Own);
        fixed.or_else(own).ok_or_else(|| InvalidGroupId(text.chars().take(32).collect()))
    }
}

/// What a group is called: 1 to 100 characters, none of them a control character, no blanks at the ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupName(String);

/// The text can not be shown as the name of a group.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a group has a name of 1 to 100 characters without control characters")]
pub struct InvalidGroupName;

impl GroupName {
    /// The name as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = InvalidGroupName;

    fn from_str(text: &str) -> Result<Self, InvalidGroupName> {
        let name = text.trim();
        let fits = (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if fits { Ok(Self(name.to_owned())) } else { Err(InvalidGroupName) }
    }
}

/// What a person does to their list. Doing it again changes nothing and is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactEdit {
    /// Makes a group.
    AddGroup(GroupName),
    /// Calls a group of one's own otherwise.
    RenameGroup(GroupId, GroupName),
    /// Takes a group of one's own away; who was in no other falls into the default group.
    DeleteGroup(GroupId),
    /// Puts somebody into a group, and by that into the list.
    Add(SipUri, GroupId),
    /// Takes somebody out of a group, or with `None` out of the list. Delegates stay delegates.
    Remove(SipUri, Option<GroupId>),
}

/// What happened to a group or to somebody's place in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListChange {
    /// It is new.
    Added,
    /// It has another name.
    Updated,
    /// It is not there any more.
    Deleted,
}

impl ListChange {
    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// The text names no change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a change of a list")]
pub struct UnknownListChange(String);

impl FromStr for ListChange {
    type Err = UnknownListChange;

    fn from_str(text: &str) -> Result<Self, UnknownListChange> {
        let found = [Self::Added, Self::Updated, Self::Deleted].into_iter().find(|c| c.as_str() == text);
        found.ok_or_else(|| UnknownListChange(text.chars().take(16).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_read_back_and_stand_in_their_order() {
        let mut groups = vec![GroupId::Delegates, GroupId::Own(17), GroupId::Default, GroupId::Pinned];
        groups.sort();
        let names: Vec<_> = groups.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["pinned", "17", "default", "delegates"]);
        assert!(names.iter().zip(&groups).all(|(name, group)| name.parse() == Ok(*group)));
        for bad in ["", "0", "-1", "Pinned", "17a"] {
            assert!(bad.parse::<GroupId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!(" Sales ".parse::<GroupName>().unwrap().as_str(), "Sales");
        for bad in ["", " ", "a\nb", &"x".repeat(101)] {
            assert_eq!(bad.parse::<GroupName>(), Err(InvalidGroupName), "{bad:?}");
        }
    }
}
