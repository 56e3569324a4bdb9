//! The certificate that the box shows, which follows the names of the office.

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use fulmar_http::{
    authority::{Authority, Leaf},
    tls::LiveCertificate,
    trust::Trust,
};
use fulmar_store::Store;
use tokio_util::sync::CancellationToken;

/// How often the end of the certificate is looked at.
const LOOK: Duration = Duration::from_secs(12 * 3600);
/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(30);
/// What the certificate is for before the office is set up.
const NAME_BEFORE_SET_UP: &str = "fulmar.internal";

/// Issues certificates and shows them.
pub(crate) struct Certificate {
    store: Store,
    authority: Authority,
    live: LiveCertificate,
    trust: Trust,
}

impl Certificate {
    /// Opens the authority in the directory `tls` of the state and shows a certificate for the office as it is.
    pub(crate) async fn open(state: &Path, store: Store) -> Result<Self> {
        let authority = Authority::open_or_create(&state.join("tls"), SystemTime::now())
            .context("can not open the box's certificate authority")?;
        let leaf = leaf(&store, &authority).await?;
        let live = LiveCertificate::new(&leaf)?;
        let trust = Trust::new(authority.certificate_pem(), live.clone())?;
        Ok(Self { store, authority, live, trust })
    }

    /// What phones fetch before they trust the box.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    pub(crate) fn live(&self) -> &LiveCertificate {
        &self.live
    }

    /// Follows the office until `stop`.
    pub(crate) async fn follow(&self, stop: CancellationToken) {
        let mut generation = self.store.zone_generation();
        let follow = async {
            loop {
                generation.mark_unchanged();
                let shown = async { Ok(self.live.show(&leaf(&self.store, &self.authority).await?, None)?) };
                let shown: Result<()> = shown.await;
                let pause = if shown.is_ok() { LOOK } else { RETRY };
                if let Err(error) = shown {
                    let error: &(dyn std::error::Error + 'static) = error.as_ref();
                    tracing::error!(
                        error,
                        "The certificate could not be made anew; the old one is shown on."
                    );
                }
                tokio::select! {
                    changed = generation.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(pause) => {}
                }
            }
        };
        stop.run_until_cancelled(follow).await;
    }
}

/// A certificate for exactly the names that the zones hand out.
async fn leaf(store: &Store, authority: &Authority) -> Result<Leaf> {
    let names: BTreeSet<String> = match store.office().await? {
        Some((office, _)) => office.certificate_names().iter().map(ToString::to_string).collect(),
        None => BTreeSet::from([NAME_BEFORE_SET_UP.to_owned()]),
    };
    Ok(authority.current_or_issue(&names, SystemTime::now())?)
}
