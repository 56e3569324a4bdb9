//! Records and zones of the administrator's own, beside those that follow from the office.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{
    DnsName, Office,
    office::Side,
    zone::{Generation, Zone},
};

/// The longest text, in bytes.
pub const MAX_TEXT: usize = 1024 * 1024;
/// The most records that are added to one zone.
pub const MAX_RECORDS: usize = 1000;

/// A text of the administrator's, in the language of master files (RFC 1035 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomZone {
    /// What the text is.
    pub content: Content,
    /// The zone that it is, or to which its records are added.
    pub apex: DnsName,
    /// Who sees it.
    pub sides: Sides,
    /// Without any text there is nothing here.
    pub text: String,
}

/// What a text of the administrator's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Records for a zone that follows from the office, one a line.
    Records,
    /// A zone of its own.
    Zone,
}

/// Who sees something. Records on both sides are wherever the box serves their zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sides {
    /// The office network.
    Inside,
    /// Everybody else.
    Outside,
    /// Everybody.
    #[default]
    Both,
}

/// What is wrong in a text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {reason}")]
pub struct ZoneFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

/// Why something can not stand where it is to stand.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Misplaced {
    /// There is no such zone to which records could be added.
    #[error(
        "no zone `{apex}` follows from the office ({sides}), so nothing can be added to it; \
         `fulmarctl zone show` prints those that do, and `fulmarctl dns zone import` adds a zone"
    )]
    NoZone {
        /// The zone.
        apex: DnsName,
        /// Where it was looked for.
        sides: Sides,
    },
    /// The box makes this zone.
    #[error("the zone `{0}` follows from the office: add records to it with `fulmarctl dns record add`")]
    Generated(DnsName),
    /// The zone would take the place of names of the box.
    #[error("the zone `{apex}` would hide `{hidden}`, which follows from the office")]
    Hides {
        /// The zone.
        apex: DnsName,
        /// A name of the box.
        hidden: DnsName,
    },
    /// The same zone on an overlapping side.
    #[error("there is a zone `{apex}` already ({sides}): remove it first")]
    Overlap {
        /// The zone.
        apex: DnsName,
        /// Who sees the one that is there.
        sides: Sides,
    },
}

impl Content {
    /// The word for it, as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Zone => "zone",
        }
    }
}

impl Sides {
    /// All.
    pub const ALL: [Self; 3] = [Self::Inside, Self::Outside, Self::Both];

    /// Whether those on this side see it.
    pub fn includes(self, side: Side) -> bool {
        match self {
            Self::Inside => side == Side::Inside,
            Self::Outside => side == Side::Outside,
            Self::Both => true,
        }
    }

    /// The word for it, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Outside => "outside",
            Self::Both => "both",
        }
    }

    fn overlaps(self, other: Self) -> bool {
        self == other || self == Self::Both || other == Self::Both
    }

    fn iter(self) -> impl Iterator<Item = Side> {
        Side::ALL.into_iter().filter(move |side| self.includes(*side))
    }
}

impl fmt::Display for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no side.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not one of inside, outside, both")]
pub struct InvalidSides(String);

impl FromStr for Sides {
    type Err = InvalidSides;

    fn from_str(text: &str) -> Result<Self, InvalidSides> {
        let sides = Self::ALL.into_iter().find(|sides| sides.as_str() == text);
        sides.ok_or_else(|| InvalidSides(text.chars().take(40).collect()))
    }
}

impl CustomZone {
    /// Whether this would be kept in the place of the other.
    pub fn replaces(&self, other: &Self) -> bool {
        (self.content, &self.apex, self.sides) == (other.content, &other.apex, other.sides)
    }

    /// Whether it can stand beside what follows from the office and the others; its text is not looked at.
    ///
    /// # Errors
    /// [`Misplaced`]
    pub fn check_place(&self, office: &Office, others: &[Self]) -> Result<(), Misplaced> {
        let zones: Vec<Zone> = self.sides.iter().flat_map(|side| office.zones(side, Generation(0))).collect();
        match self.content {
            Content::Records if zones.iter().any(|zone| zone.apex == self.apex) => Ok(()),
            Content::Records => Err(Misplaced::NoZone { apex: self.apex.clone(), sides: self.sides }),
            Content::Zone => {
                zones.iter().try_for_each(|zone| self.check_beside(zone))?;
                let overlap = others.iter().find(|other| {
                    other.content == Content::Zone
                        && other.apex == self.apex
                        && other.sides != self.sides
                        && other.sides.overlaps(self.sides)
                });
                overlap.map_or(Ok(()), |other| {
                    Err(Misplaced::Overlap { apex: self.apex.clone(), sides: other.sides })
                })
            }
        }
    }

    fn check_beside(&self, zone: &Zone) -> Result<(), Misplaced> {
        if zone.apex == self.apex {
            return Err(Misplaced::Generated(self.apex.clone()));
        }
        if !self.apex.is_within(&zone.apex) {
            return Ok(());
        }
        let hidden = zone.records.iter().find(|record| record.owner.is_within(&self.apex));
        hidden.map_or(Ok(()), |record| {
            Err(Misplaced::Hides { apex: self.apex.clone(), hidden: record.owner.clone() })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Timestamp, office::OfficeIntent};

    fn check(content: Content, apex: &str, sides: Sides, others: &[CustomZone]) -> Result<(), Misplaced> {
        let inside = BTreeSet::from(["192.168.1.2".parse().unwrap()]);
        let intent = OfficeIntent::office_only(vec!["office.test".parse().unwrap()], inside);
        let office = Office::new(intent, Timestamp::from_millis(0)).unwrap();
        zone(content, apex, sides).check_place(&office, others)
    }

    fn zone(content: Content, apex: &str, sides: Sides) -> CustomZone {
        CustomZone { content, apex: apex.parse().unwrap(), sides, text: String::new() }
    }

    #[test]
    fn records_are_added_where_a_zone_is_served() {
        assert!(check(Content::Records, "office.test", Sides::Inside, &[]).is_ok());
        assert!(check(Content::Records, "office.test", Sides::Both, &[]).is_ok());
        for (apex, sides) in [("office.test", Sides::Outside), ("other.test", Sides::Both)] {
            let refused = check(Content::Records, apex, sides, &[]);
            assert!(matches!(refused, Err(Misplaced::NoZone { .. })), "{apex} {sides}");
        }
    }

    #[test]
    fn a_zone_hides_no_name_of_the_box() {
        let refused = |apex| check(Content::Zone, apex, Sides::Inside, &[]).unwrap_err();
        assert!(matches!(refused("office.test"), Misplaced::Generated(_)));
        for apex in ["web.office.test", "_tls.office.test"] {
            assert!(matches!(refused(apex), Misplaced::Hides { .. }), "{apex}");
        }
        for (apex, sides) in
            [("lab.office.test", Sides::Both), ("test", Sides::Both), ("office.test", Sides::Outside)]
        {
            assert!(check(Content::Zone, apex, sides, &[]).is_ok(), "{apex} {sides}");
        }
    }

    #[test]
    fn nobody_sees_two_zones_of_one_name() {
        let there = [zone(Content::Zone, "other.test", Sides::Inside)];
        assert!(check(Content::Zone, "other.test", Sides::Inside, &there).is_ok());
        assert!(check(Content::Zone, "other.test", Sides::Outside, &there).is_ok());
        let refused = check(Content::Zone, "other.test", Sides::Both, &there);
        assert!(matches!(refused, Err(Misplaced::Overlap { .. })));
    }
}
