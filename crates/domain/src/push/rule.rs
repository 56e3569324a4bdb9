//! Whether a device is woken, why not, and the number on its icon.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{
    Timestamp,
    configuration::MobilityPolicy,
    device::Provider,
    presence::PreferredAvailability,
    session::{Activity, FOREGROUND_SILENCE, SessionEnd},
};

/// Whether nobody looks at a device.
///
/// A device in the foreground shows what is said by itself. One that claims the foreground but has been silent for
/// longer than it can hold a poll was ended by its system without a word.
///
/// # Errors
/// [`NotWoken::InUse`]
pub fn sleeps(activity: Activity, last_seen: Timestamp, now: Timestamp) -> Result<(), NotWoken> {
    match activity {
        Activity::Foreground if now.since(last_seen) < FOREGROUND_SILENCE => Err(NotWoken::InUse),
        Activity::Foreground | Activity::Background => Ok(()),
    }
}

/// What the rule looks at.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// Where the device is woken, and how things stand with that service; `None` where it has not said.
    pub service: Option<(Provider, ServiceState)>,
    /// The policy of its person.
    pub policy: MobilityPolicy,
    /// What its person chose.
    pub chosen: Option<PreferredAvailability>,
    /// Whether its person has muted the conversation.
    pub muted: bool,
}

/// How things stand with a service for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceState {
    /// The box uses it.
    On,
    /// It is set up, and an administrator has switched it off.
    Off,
    /// The box has no settings for it.
    NotSetUp,
}

/// Whether a device that sleeps is woken for what is said to its person.
///
/// # Errors
/// Why not.
pub fn decide(circumstances: &Circumstances) -> Result<(), NotWoken> {
    may_be_woken(circumstances.service, &circumstances.policy)?;
    if circumstances.chosen == Some(PreferredAvailability::DoNotDisturb) {
        return Err(NotWoken::DoNotDisturb);
    }
    if circumstances.muted { Err(NotWoken::Muted) } else { Ok(()) }
}

/// Whether a device can be woken at all, whatever for.
///
/// # Errors
/// Why not.
pub fn may_be_woken(
    service: Option<(Provider, ServiceState)>,
    policy: &MobilityPolicy,
) -> Result<(), NotWoken> {
    match service {
        None => return Err(NotWoken::NoRegistration),
        Some((provider, ServiceState::NotSetUp)) => return Err(NotWoken::NotSetUp(provider)),
        Some((provider, ServiceState::Off)) => return Err(NotWoken::SwitchedOff(provider)),
        Some((_, ServiceState::On)) => {}
    }
    if !policy.enable_mobility {
        return Err(NotWoken::Policy(Permission::Mobility));
    }
    if !policy.enable_push_notifications {
        return Err(NotWoken::Policy(Permission::Push));
    }
    Ok(())
}

/// Whether a device is told to sign in again: its session ended by itself (`None`: somebody signed out, or the device
/// was revoked), and the device can be woken. What is said from then on would wait for it in silence.
pub fn deserves_sign_in_notice(end: Option<SessionEnd>, has_push: bool) -> bool {
    match end {
        Some(SessionEnd::Expired | SessionEnd::Displaced) => has_push,
        None => false,
    }
}

/// Why a device is not woken. `Display` says it to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotWoken {
    /// It was in the foreground and heard of lately: it shows what is said by itself.
    InUse,
    /// It has not said where it is woken.
    NoRegistration,
    /// The box has no settings for the service.
    NotSetUp(Provider),
    /// An administrator has switched the service off.
    SwitchedOff(Provider),
    /// The policy of its person does not allow it.
    Policy(Permission),
    /// Its person has chosen not to be disturbed.
    DoNotDisturb,
    /// Its person has muted the conversation.
    Muted,
}

/// What a policy allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `EnableMobility`
    Mobility,
    /// `EnablePushNotifications`
    Push,
}

impl NotWoken {
    fn all() -> impl Iterator<Item = Self> {
        let plain = [Self::InUse, Self::NoRegistration, Self::DoNotDisturb, Self::Muted];
        let policies = [Permission::Mobility, Permission::Push].map(Self::Policy);
        let services = Provider::ALL.into_iter().flat_map(|p| [Self::NotSetUp(p), Self::SwitchedOff(p)]);
        plain.into_iter().chain(policies).chain(services)
    }

    /// How the store keeps it.
    pub fn word(self) -> String {
        match self {
            Self::InUse => "in-use".to_owned(),
            Self::NoRegistration => "no-registration".to_owned(),
            Self::NotSetUp(provider) => format!("not-set-up {}", provider.as_str()),
            Self::SwitchedOff(provider) => format!("switched-off {}", provider.as_str()),
            Self::Policy(Permission::Mobility) => "policy mobility".to_owned(),
            Self::Policy(Permission::Push) => "policy push".to_owned(),
            Self::DoNotDisturb => "do-not-disturb".to_owned(),
            Self::Muted => "muted".to_owned(),
        }
    }
}

impl fmt::Display for NotWoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => f.write_str("somebody is using the device"),
            Self::NoRegistration => f.write_str("the device has not said where it is woken"),
            Self::NotSetUp(provider) => write!(f, "push through {} is not set up", provider.title()),
            Self::SwitchedOff(provider) => {
                write!(f, "an administrator has switched push through {} off", provider.title())
            }
            Self::Policy(Permission::Mobility) => {
                f.write_str("the office has switched mobility off for the person")
            }
            Self::Policy(Permission::Push) => f.write_str("the office has switched push off for the person"),
            Self::DoNotDisturb => f.write_str("the person does not want to be disturbed"),
            Self::Muted => f.write_str("the person has muted the conversation"),
        }
    }
}

/// The text names no reason.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a reason for which a device is not woken")]
pub struct UnknownReason(String);

impl FromStr for NotWoken {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        Self::all()
            .find(|reason| reason.word() == text)
            .ok_or_else(|| UnknownReason(text.chars().take(32).collect()))
    }
}

/// What a person has not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unseen {
    /// Messages.
    pub messages: u32,
    /// Invitations that wait for an answer and came without a message.
    pub invitations: u32,
}

/// The number on the icon: what waits in all, but for what waits in conversations that its person has muted.
pub fn badge(all: Unseen, muted: Unseen) -> u32 {
    let heard = |all: u32, muted: u32| all.saturating_sub(muted);
    heard(all.messages, muted.messages).saturating_add(heard(all.invitations, muted.invitations))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

    fn good() -> Circumstances {
        Circumstances {
            service: Some((Provider::Apns, ServiceState::On)),
            policy: MobilityPolicy::default(),
            chosen: None,
            muted: false,
        }
    }

    #[test]
    fn a_device_is_in_use_while_it_is_in_the_foreground_and_heard_of() {
        let almost = FOREGROUND_SILENCE - Duration::from_millis(1);
        for (activity, silent_for, slept) in [
            (Activity::Foreground, Duration::ZERO, Err(NotWoken::InUse)),
            (Activity::Foreground, almost, Err(NotWoken::InUse)),
            (Activity::Foreground, FOREGROUND_SILENCE, Ok(())),
            (Activity::Background, Duration::ZERO, Ok(())),
        ] {
            assert_eq!(sleeps(activity, NOW - silent_for, NOW), slept, "{activity:?} {silent_for:?}");
        }
    }

    #[test]
    fn each_circumstance_alone_keeps_a_device_asleep_and_says_so() {
        let service = |provider, state| Circumstances { service: Some((provider, state)), ..good() };
        let policy = |enable_mobility, enable_push_notifications| Circumstances {
            policy: MobilityPolicy { enable_mobility, enable_push_notifications, ..good().policy },
            ..good()
        };
        let chosen = |chosen| Circumstances { chosen: Some(chosen), ..good() };
        let off = |provider| Err(NotWoken::SwitchedOff(provider));
        use PreferredAvailability as Chosen;
        for (circumstances, decided) in [
            (good(), Ok(())),
            (Circumstances { service: None, ..good() }, Err(NotWoken::NoRegistration)),
            (service(Provider::Apns, ServiceState::Off), off(Provider::Apns)),
            (service(Provider::Wns, ServiceState::Off), off(Provider::Wns)),
            (service(Provider::Fcm, ServiceState::NotSetUp), Err(NotWoken::NotSetUp(Provider::Fcm))),
            (service(Provider::WebPush, ServiceState::On), Ok(())),
            (policy(false, true), Err(NotWoken::Policy(Permission::Mobility))),
            (policy(true, false), Err(NotWoken::Policy(Permission::Push))),
            (policy(false, false), Err(NotWoken::Policy(Permission::Mobility))),
            (chosen(Chosen::DoNotDisturb), Err(NotWoken::DoNotDisturb)),
            (chosen(Chosen::Busy), Ok(())),
            (chosen(Chosen::Away), Ok(())),
            (chosen(Chosen::Offline), Ok(())),
            (Circumstances { muted: true, ..good() }, Err(NotWoken::Muted)),
        ] {
            assert_eq!(decide(&circumstances), decided, "{circumstances:?}");
        }
    }

    #[test]
    fn what_an_administrator_can_mend_is_said_before_what_the_person_chose() {
        let all = Circumstances {
            service: Some((Provider::Apns, ServiceState::Off)),
            policy: MobilityPolicy { enable_push_notifications: false, ..good().policy },
            chosen: Some(PreferredAvailability::DoNotDisturb),
            muted: true,
        };
        assert_eq!(decide(&all), Err(NotWoken::SwitchedOff(Provider::Apns)));
    }

    #[test]
    fn who_fell_silent_is_told_and_who_signed_out_is_not() {
        for end in [SessionEnd::Expired, SessionEnd::Displaced] {
            assert!(deserves_sign_in_notice(Some(end), true));
            assert!(!deserves_sign_in_notice(Some(end), false));
        }
        assert!(!deserves_sign_in_notice(None, true));
    }

    #[test]
    fn every_reason_is_kept_under_a_word_of_its_own() {
        for reason in NotWoken::all() {
            assert_eq!(reason.word().parse(), Ok(reason));
            assert!(!reason.to_string().is_empty());
        }
        assert!("tired".parse::<NotWoken>().is_err());
    }

    #[test]
    fn a_badge_counts_what_waits_outside_muted_conversations() {
        let unseen = |messages, invitations| Unseen { messages, invitations };
        for (all, muted, shown) in [
            (unseen(0, 0), unseen(0, 0), 0),
            (unseen(2, 1), unseen(0, 0), 3),
            (unseen(9, 2), unseen(7, 1), 3),
            (unseen(1, 1), unseen(1, 1), 0),
            (unseen(u32::MAX, 1), unseen(0, 0), u32::MAX),
        ] {
            assert_eq!(badge(all, muted), shown, "{all:?} {muted:?}");
        }
    }
}
