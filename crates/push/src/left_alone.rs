//! Which services are left alone, for whoever wants to know while the worker works.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fulmar_domain::{Timestamp, push::LeftAlone};

/// The services that are left alone. Clones share the list.
#[derive(Clone, Debug, Default)]
pub struct ServicesLeftAlone(Arc<Mutex<Vec<LeftAlone>>>);

impl ServicesLeftAlone {
    /// Those that are left alone now.
    pub fn list(&self) -> Vec<LeftAlone> {
        self.lock().clone()
    }

    pub(crate) fn add(&self, service: &str, reason: &str, now: Timestamp) {
        let mut list = self.lock();
        if let Some(known) = list.iter_mut().find(|known| known.service == service) {
            reason.clone_into(&mut known.reason);
        } else {
            list.push(LeftAlone { service: service.to_owned(), since: now, reason: reason.to_owned() });
        }
    }

    pub(crate) fn remove(&self, service: &str) {
        self.lock().retain(|known| known.service != service);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<LeftAlone>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
