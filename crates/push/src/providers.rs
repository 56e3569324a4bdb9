//! The services as they are set up, and which of them a notification goes to.

use std::error::Error;

use fulmar_domain::{
    Timestamp,
    device::{Provider, PushRegistration},
    push::{Entered, Notification, Outcome},
};
use fulmar_store::{Store, StoreError};

use crate::{apns, error::in_words, fcm, house, web_push, wns};

/// A client, or why there is none, which notifications are told.
type Way<C> = Result<C, String>;

/// The way to each service.
pub(crate) struct Providers {
    /// The generation of the settings that this was made of.
    pub(crate) generation: u64,
    apns: Way<apns::Client>,
    web_push: Way<web_push::Client>,
    fcm: Way<fcm::Client>,
    wns: Way<wns::Client>,
    /// Sends where the box has no settings of its own.
    house: Option<Way<house::Client>>,
    /// Where it has some, of any use or not.
    own: Vec<Provider>,
}

impl Providers {
    /// Reads the settings of this generation. Needs a tokio runtime.
    pub(crate) async fn load(store: &Store, generation: u64) -> Result<Self, StoreError> {
        let apns = store.apns_settings().await?;
        let apns = apns.map(|stored| apns::Settings::read(&stored).map(apns::Client::new));
        let web_push = store.web_push_settings().await?;
        let web_push =
            web_push.map(|(stored, key)| web_push::Settings::read(stored, &key).map(web_push::Client::new));
        let fcm = store.fcm_settings().await?;
        let fcm = fcm.map(|stored| fcm::Settings::read(&stored).map(fcm::Client::new));
        let wns = store.wns_settings().await?;
        let wns = wns.map(|stored| wns::Settings::read(&stored).map(wns::Client::new));
        let own = [
            (Provider::Apns, apns.is_some()),
            (Provider::WebPush, web_push.is_some()),
            (Provider::Fcm, fcm.is_some()),
            (Provider::Wns, wns.is_some()),
        ];
        let own = own.into_iter().filter_map(|(provider, is_set)| is_set.then_some(provider)).collect();
        let house =
            store.push_house().await?.map(|house| usable("the clearing house", house::Client::new(&house)));
        Ok(Self {
            generation,
            house,
            own,
            apns: way("Apple", apns),
            web_push: way("Web Push", web_push),
            fcm: way("Firebase", fcm),
            wns: way("WNS", wns),
        })
    }

    /// The services to which the box sends for others: those where it has settings of its own, but for Web Push, which
    /// needs none.
    pub(crate) fn for_others(&self) -> Vec<Provider> {
        self.own.iter().copied().filter(|provider| *provider != Provider::WebPush).collect()
    }

    /// Offers a notification once, to the service that its device is registered with: with the box's own settings, or by
    /// its clearing house where there are none.
    pub(crate) async fn send(&self, notification: &Notification, now: Timestamp) -> Outcome {
        let provider = notification.registration.provider();
        match &self.house {
            Some(Ok(house)) if house.sends_to(provider) && !self.own.contains(&provider) => {
                Box::pin(house.send(notification, now)).await
            }
            Some(Err(problem)) if !self.own.contains(&provider) => {
                Outcome::OursToFix { reason: problem.clone() }
            }
            _ => self.send_own(notification, now).await,
        }
    }

    /// The same with the box's own settings only. What a client needs on the way is put aside: an attempt is moved often,
    /// and would be as large as the largest of them.
    pub(crate) async fn send_own(&self, notification: &Notification, now: Timestamp) -> Outcome {
        let sent = match &notification.registration {
            PushRegistration::Apns(device) => match &self.apns {
                Ok(client) => Ok(Box::pin(client.send(notification, device, now)).await),
                Err(problem) => Err(problem),
            },
            PushRegistration::WebPush(subscription) => match &self.web_push {
                Ok(client) => Ok(Box::pin(client.send(notification, subscription, now)).await),
                Err(problem) => Err(problem),
            },
            PushRegistration::Fcm(token) => match &self.fcm {
                Ok(client) => Ok(Box::pin(client.send(notification, token, now)).await),
                Err(problem) => Err(problem),
            },
            PushRegistration::Wns(channel) => match &self.wns {
                Ok(client) => Ok(Box::pin(client.send(notification, channel, now)).await),
                Err(problem) => Err(problem),
            },
        };
        sent.unwrap_or_else(|problem| Outcome::OursToFix { reason: problem.clone() })
    }
}

/// Says what is wrong with settings, in words for an administrator.
///
/// # Errors
/// Those words.
pub fn check(entered: Entered<'_>) -> Result<(), String> {
    fn words<T, E: Error>(read: Result<T, E>) -> Result<(), String> {
        read.map(drop).map_err(|error| error.to_string())
    }
    match entered {
        Entered::Apns(settings) => words(apns::Settings::read(settings)),
        Entered::WebPush(settings) => words(web_push::Settings::check(settings)),
        Entered::Fcm(settings) => words(fcm::Settings::read(settings)),
        Entered::Wns(settings) => words(wns::Settings::read(settings)),
    }
}

fn way<C, E: Error + 'static>(service: &str, client: Option<Result<C, E>>) -> Way<C> {
    let client = client.ok_or_else(|| {
        tracing::info!(
            service,
            "The box wakes no phone this way itself: nobody has entered the settings for it."
        );
        format!("the settings for {service} are missing")
    })?;
    usable(service, client)
}

fn usable<C, E: Error + 'static>(service: &str, client: Result<C, E>) -> Way<C> {
    client.map_err(|error| {
        let cause = &error as &dyn Error;
        tracing::error!(service, error = cause, "No phone is woken this way: the settings are of no use.");
        in_words(&error)
    })
}
