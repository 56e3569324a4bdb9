//! The services as they are set up, and which of them a notification goes to.

use std::error::Error;

use fulmar_domain::{
    Timestamp,
    device::Provider,
    push::{Notification, Outcome},
};
use fulmar_store::{Store, StoreError};

use crate::{
    apns::{Client, Settings},
    error::in_words,
};

/// The way to each service. Why there is none is what notifications are told.
pub(crate) struct Providers {
    /// The generation of the settings that this was made of.
    pub(crate) generation: u64,
    apns: Result<Client, String>,
}

impl Providers {
    /// Reads the settings of this generation. Needs a tokio runtime.
    pub(crate) async fn load(store: &Store, generation: u64) -> Result<Self, StoreError> {
        Ok(Self { generation, apns: apns(store).await? })
    }

    /// Offers a notification once, to the service that its device is registered with.
    pub(crate) async fn send(&self, notification: &Notification, now: Timestamp) -> Outcome {
        let sent = match notification.registration.provider {
            Provider::Apns => match &self.apns {
                Ok(client) => Ok(client.send(notification, now).await),
                Err(problem) => Err(problem),
            },
        };
        sent.unwrap_or_else(|problem| Outcome::OursToFix { reason: problem.clone() })
    }
}

async fn apns(store: &Store) -> Result<Result<Client, String>, StoreError> {
    let Some(stored) = store.apns_settings().await? else {
        tracing::info!("No phone is woken through Apple: nobody has entered the settings for it.");
        return Ok(Err("the settings for Apple are missing".to_owned()));
    };
    Ok(Settings::read(&stored).map(Client::new).map_err(|error| {
        tracing::error!(
            error = &error as &dyn Error,
            "No phone is woken through Apple: the settings are of no use."
        );
        in_words(&error)
    }))
}
