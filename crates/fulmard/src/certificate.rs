//! The certificates that the box shows, which follow the names of the office and what administrators choose.

mod authority;
mod issue;
mod order;

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use fulmar_app::App;
use fulmar_domain::certificate::Source;
use fulmar_http::{
    authority::{Authority, Leaf},
    tls::LiveCertificate,
    trust::Trust,
};
use fulmar_store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the end of a certificate is looked at.
const LOOK: Duration = Duration::from_secs(12 * 3600);
/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(30);
/// What the certificate is for before the office is set up.
const NAME_BEFORE_SET_UP: &str = "fulmar.internal";

/// Issues certificates, orders them, and shows them.
pub(crate) struct Certificate {
    app: App,
    authority: Authority,
    trust: Trust,
    published: watch::Receiver<u64>,
}

impl Certificate {
    /// Opens the authority in the directory `tls` of the state and shows a certificate for the office as it is.
    /// `published` is the generation of the office that DNS serves.
    pub(crate) async fn open(state: &Path, app: App, published: watch::Receiver<u64>) -> Result<Self> {
        let authority = Authority::open_or_create(&state.join("tls"), SystemTime::now())
            .context("can not open the box's certificate authority")?;
        let live = LiveCertificate::new(&own(app.store(), &authority).await?)?;
        let trust = Trust::new(authority.certificate_pem(), live)?;
        let certificate = Self { app, authority, trust, published };
        if let Err(error) = certificate.show().await {
            log(&error, "The certificate in front can not be shown; the box's own is.");
        }
        Ok(certificate)
    }

    pub(crate) fn live(&self) -> &LiveCertificate {
        self.trust.live()
    }

    /// What phones fetch before they trust the box.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    fn store(&self) -> &Store {
        self.app.store()
    }

    /// Follows the office and what administrators choose until `stop`.
    pub(crate) async fn follow(&self, stop: CancellationToken) {
        let mut changes = Changes::of(self.store());
        let follow = async {
            loop {
                changes.seen();
                let pause = match self.show().await {
                    Ok(()) => LOOK,
                    Err(error) => {
                        log(&error, "The certificate could not be made anew; the old one is shown on.");
                        RETRY
                    }
                };
                changes.next(pause).await;
            }
        };
        stop.run_until_cancelled(follow).await;
    }

    async fn show(&self) -> Result<()> {
        let own = own(self.store(), &self.authority).await?;
        let front = match self.store().certificate_source().await? {
            Source::Own => None,
            source => self.store().certificate(source).await?,
        };
        let front = front.map(|kept| Leaf { chain_pem: kept.chain_pem, key_pem: kept.key_pem });
        Ok(self.live().show(&own, front.as_ref())?)
    }
}

/// What may ask for another certificate: the office, and what administrators choose.
struct Changes {
    office: watch::Receiver<u64>,
    choice: watch::Receiver<u64>,
}

impl Changes {
    fn of(store: &Store) -> Self {
        Self { office: store.zone_generation(), choice: store.certificate_generation() }
    }

    /// What has changed so far is about to be looked at.
    fn seen(&mut self) {
        self.office.mark_unchanged();
        self.choice.mark_unchanged();
    }

    /// Waits for the next change, or until `pause` is over. A store that has ended changes nothing any more.
    async fn next(&mut self, pause: Duration) {
        tokio::select! {
            Ok(()) = self.office.changed() => {}
            Ok(()) = self.choice.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// A certificate of the box's own authority for exactly the names that the zones hand out.
async fn own(store: &Store, authority: &Authority) -> Result<Leaf> {
    let names: BTreeSet<String> = match store.office().await? {
        Some((office, _)) => office.certificate_names().iter().map(ToString::to_string).collect(),
        None => BTreeSet::from([NAME_BEFORE_SET_UP.to_owned()]),
    };
    Ok(authority.current_or_issue(&names, SystemTime::now())?)
}

fn log(error: &anyhow::Error, what: &str) {
    let error: &(dyn std::error::Error + 'static) = error.as_ref();
    tracing::error!(error, "{what}");
}
