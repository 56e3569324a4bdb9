//! What the box has written down, and whether it adds up.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rusqlite::{Connection, OpenFlags};

/// Each notification ends with one of these steps, and with one only.
fn is_end(step: &str) -> bool {
    !["queued", "sent", "postponed", "opened"].contains(&step)
}

struct Notification {
    /// Token or endpoint; none where the device was forgotten.
    known_as: Option<String>,
    state: String,
    steps: Vec<String>,
}

pub(super) struct Accounts {
    notifications: BTreeMap<i64, Notification>,
    /// Who can still be woken.
    registered: BTreeSet<String>,
    /// How much time has passed between the earliest step and the latest by the clock of the box, in seconds.
    time: i64,
}

impl Accounts {
    /// How many notifications have not come to their end.
    pub(super) fn waiting(database: &Path) -> usize {
        let select = "SELECT count(*) FROM notification WHERE state = 'pending'";
        open(database).query_row(select, [], |row| row.get(0)).unwrap()
    }

    pub(super) fn read(database: &Path) -> Self {
        let sql = open(database);
        let mut notifications = BTreeMap::new();
        let mut select = sql
            .prepare(
                "SELECT n.id, d.push_token, n.state FROM notification n JOIN device d ON d.id = n.device",
            )
            .unwrap();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (known_as, state) = (row.get(1).unwrap(), row.get(2).unwrap());
            notifications.insert(row.get(0).unwrap(), Notification { known_as, state, steps: vec![] });
        }
        let mut select = sql.prepare("SELECT notification, step FROM push_ledger ORDER BY id").unwrap();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let id: i64 = row.get(0).unwrap();
            notifications.get_mut(&id).expect("of a notification").steps.push(row.get(1).unwrap());
        }
        let mut select = sql.prepare("SELECT push_token FROM device WHERE push_token IS NOT NULL").unwrap();
        let registered = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let time = "SELECT (max(at) - min(at)) / 1000 FROM push_ledger";
        let time = sql.query_row(time, [], |row| row.get(0)).unwrap();
        Self { notifications, registered, time }
    }

    /// How many notifications there were.
    pub(super) fn count(&self) -> usize {
        self.notifications.len()
    }

    pub(super) fn summary(&self, arrived: usize) -> String {
        let mut ends = BTreeMap::<_, usize>::new();
        let mut sent = 0;
        for notification in self.notifications.values() {
            sent += notification.steps.iter().filter(|step| *step == "sent").count();
            *ends.entry(notification.steps.last().cloned().unwrap_or_default()).or_default() += 1;
        }
        format!(
            "{} notifications, sent {sent} times, of which {arrived} arrived; they ended as {ends:?}; {} s by the \
             clock of the box",
            self.notifications.len(),
            self.time,
        )
    }

    /// Everything adds up: `messages` were said to all of `devices`, of which some have died.
    pub(super) fn check(
        &self,
        messages: usize,
        devices: &[String],
        dead: &BTreeSet<String>,
        shown: &[(String, String)],
    ) {
        assert!(self.time > super::AHEAD, "the clock of the box was not set: {} s", self.time);
        for (id, Notification { state, steps, .. }) in &self.notifications {
            let ends = steps.iter().filter(|step| is_end(step)).count();
            let begins = steps.first().is_some_and(|step| step == "queued");
            let last = steps.last().is_some_and(|step| is_end(step));
            assert!(begins && last && ends == 1 && state != "pending", "{id}: {state}, {steps:?}");
            let sent = steps.iter().any(|step| step == "sent");
            assert!(sent || steps.last().is_some_and(|step| step != "accepted"), "{id}: {steps:?}");
        }
        let alive: BTreeSet<_> = devices.iter().filter(|device| !dead.contains(*device)).cloned().collect();
        assert_eq!(self.registered, alive, "who can be woken still");

        let mut alerts = BTreeMap::<_, BTreeSet<_>>::new();
        for (device, id) in shown {
            assert!(alerts.entry(device).or_default().insert(id), "{device} shows {id} twice");
        }
        let all = alive.first().map(|device| alerts[device].clone()).unwrap();
        assert_eq!(all.len(), messages, "each message is one alert");
        let mut accepted = BTreeMap::<_, usize>::new();
        for notification in self.notifications.values().filter(|one| one.state == "accepted") {
            *accepted.entry(notification.known_as.as_ref()).or_default() += 1;
        }
        for device in &alive {
            assert_eq!(alerts[device], all, "{device} shows what the others show");
            assert_eq!(accepted.get(&Some(device)), Some(&messages), "{device}");
        }
        for device in dead {
            let some = alerts.get(device).cloned().unwrap_or_default();
            assert!(some.is_subset(&all), "{device} shows what nobody has said");
        }
    }
}

fn open(database: &Path) -> Connection {
    let sql = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    sql.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    sql
}
