//! Asks the house from time to time to which services it sends.

use std::{error::Error, time::Duration};

use fulmar_store::{Store, StoreError};
use tokio::{sync::watch, time};
use tokio_util::sync::CancellationToken;

use super::Client;
use crate::{error::in_words, worker::now};

/// How often.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// Follows the house that this box is paired with until `shutdown`; at once when it is another.
pub async fn follow(store: Store, shutdown: CancellationToken) {
    let mut settings = store.push_settings_generation();
    let follow = async {
        loop {
            settings.mark_unchanged();
            if let Err(error) = ask(&store).await {
                tracing::error!(error = &error as &dyn Error, "The clearing house can not be looked up.");
            }
            if !next(&mut settings).await {
                return;
            }
        }
    };
    shutdown.run_until_cancelled(follow).await;
}

/// `false` when the store was closed.
async fn next(settings: &mut watch::Receiver<u64>) -> bool {
    match time::timeout(EVERY, settings.changed()).await {
        Ok(changed) => changed.is_ok(),
        Err(_) => true,
    }
}

async fn ask(store: &Store) -> Result<(), StoreError> {
    let Some(house) = store.push_house().await? else { return Ok(()) };
    let answer = match Client::new(&house) {
        Ok(client) => client.services().await,
        Err(error) => Err(in_words(&error)),
    };
    let house = house.address;
    match answer {
        Ok(services) if store.set_house_services(services.clone(), now()).await? => {
            let services: Vec<_> = services.iter().map(|service| service.as_str()).collect();
            tracing::info!(%house, ?services, "The clearing house sends to other services now.");
        }
        Ok(_) => {}
        Err(problem) => tracing::warn!(%house, problem, "The clearing house does not say what it sends to."),
    }
    Ok(())
}
