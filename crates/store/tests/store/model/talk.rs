//! Where everybody should stand in a conversation.

use fulmar_domain::{Timestamp, conversation::Participation, invitation::ANSWER_TIME};

use super::PEOPLE;

/// Somebody was asked into a conversation.
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) inviter: usize,
    pub(super) invited: usize,
    deadline: Timestamp,
}

#[derive(Default)]
pub(super) struct Talk {
    /// All invitations; of those to one person the last is the one that may ring.
    pub(super) asked: Vec<Asked>,
    /// Where everybody stands.
    pub(super) places: [Option<Participation>; PEOPLE.len()],
}

impl Talk {
    pub(super) fn ask(&mut self, name: &str, inviter: usize, invited: usize, now: Timestamp) {
        self.places[invited] = Some(Participation::Ringing);
        self.asked.push(Asked { name: name.to_owned(), inviter, invited, deadline: now + ANSWER_TIME });
    }

    pub(super) fn rings(&self, which: usize) -> bool {
        let invited = self.asked[which].invited;
        let last = self.asked.iter().rposition(|asked| asked.invited == invited);
        last == Some(which) && self.places[invited] == Some(Participation::Ringing)
    }

    /// Whoever did not answer in time has missed it.
    pub(super) fn let_ring(&mut self, now: Timestamp) {
        for which in 0..self.asked.len() {
            if self.rings(which) && self.asked[which].deadline <= now {
                self.places[self.asked[which].invited] = Some(Participation::Missed);
            }
        }
    }

    /// More than two people were ever in it or asked.
    pub(super) fn is_among_many(&self) -> bool {
        self.places.iter().flatten().count() > 2
    }

    /// An invitation is taken back: among many that shuts out who was asked.
    pub(super) fn take_back(&mut self, which: usize) {
        if self.rings(which) {
            let place = if self.is_among_many() { Participation::Left } else { Participation::Missed };
            self.places[self.asked[which].invited] = Some(place);
        }
    }

    /// Whoever leaves takes their invitations back.
    pub(super) fn take_all_back(&mut self, inviter: usize) {
        for which in 0..self.asked.len() {
            if self.asked[which].inviter == inviter {
                self.take_back(which);
            }
        }
    }

    /// Who hears what this person says.
    pub(super) fn listeners(&self, speaker: usize) -> Vec<usize> {
        (0..PEOPLE.len()).filter(|person| *person != speaker && hears(self.places[*person])).collect()
    }
}

pub(super) fn hears(place: Option<Participation>) -> bool {
    matches!(place, Some(Participation::Ringing | Participation::Connected))
}
