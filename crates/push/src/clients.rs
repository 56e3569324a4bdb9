//! The clients of the services, made once for each generation of their settings: the worker and the clearing house send
//! over the same connections and with the same tokens.

use std::sync::Arc;

use fulmar_store::{Store, StoreError};
use tokio::sync::Mutex;

use crate::providers::Providers;

/// Clones share the clients.
#[derive(Clone)]
pub struct Clients {
    store: Store,
    made: Arc<Mutex<Option<Arc<Providers>>>>,
}

impl Clients {
    /// Those for the settings in this store; none is made yet.
    pub fn new(store: Store) -> Self {
        Self { store, made: Arc::default() }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Those for the settings as they are now, or newer ones.
    pub(crate) async fn current(&self) -> Result<Arc<Providers>, StoreError> {
        let generation = *self.store.push_settings_generation().borrow();
        let mut made = self.made.lock().await;
        match &*made {
            Some(providers) if providers.generation >= generation => Ok(Arc::clone(providers)),
            _ => {
                let providers = Arc::new(Providers::load(&self.store, generation).await?);
                *made = Some(Arc::clone(&providers));
                Ok(providers)
            }
        }
    }
}
