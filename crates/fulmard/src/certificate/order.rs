//! When a public authority is asked, and what becomes of it.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::Result;
use fulmar_domain::{
    Timestamp,
    certificate::{Held, Kept, Next, Source, next_order},
};
use fulmar_http::Details;
use ring::rand::{SecureRandom, SystemRandom};
use tokio_util::sync::CancellationToken;

use super::{Certificate, Changes, LOOK, RETRY, log};

/// How long a whole order may take.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How often a clock that is wrong is looked at.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(60);

impl Certificate {
    /// Orders certificates whenever one is due, until `stop`. An order that is cut off is carried on at the
    /// next start.
    pub(crate) async fn order(&self, stop: CancellationToken) {
        let mut changes = Changes::of(self.store());
        let order = async {
            loop {
                changes.seen();
                let pause = match self.order_if_due().await {
                    Ok(pause) => pause,
                    Err(error) => {
                        log(&error, "The order of a certificate could not be looked at.");
                        RETRY
                    }
                };
                changes.next(pause).await;
            }
        };
        stop.run_until_cancelled(order).await;
    }

    /// How long nothing is to be done.
    async fn order_if_due(&self) -> Result<Duration> {
        let store = self.store();
        let (Some(acme), Some((office, _))) = (store.acme().await?, store.office().await?) else {
            return Ok(LOOK);
        };
        let (challenge, names) = match acme.settings.plan(&office) {
            Ok(plan) => plan,
            Err(error) => {
                tracing::warn!(%error, "No public authority is asked for a certificate.");
                return Ok(LOOK);
            }
        };
        let held = store.certificate(Source::Acme).await?;
        let held = held.and_then(|kept| held_of(&kept.chain_pem));
        let now = self.app.now();
        match next_order(now, &names, held.as_ref(), &acme.failures, acme.asked, jitter()) {
            Next::Wait(at) => return Ok(at.since(now).clamp(Duration::from_secs(1), LOOK)),
            Next::WrongClock => {
                tracing::warn!("The clock is far behind: no certificate is ordered before it is right.");
                return Ok(LOOK_AT_CLOCK);
            }
            Next::Order(reason) => {
                tracing::info!(?reason, %challenge, directory = acme.settings.directory, "A certificate is ordered.");
            }
        }
        let ordered = tokio::time::timeout(PATIENCE, self.issue(&acme.settings, challenge, &names)).await;
        self.live().challenges().clear();
        store.set_dns_proofs(Vec::new()).await?;
        match ordered.unwrap_or_else(|_| Err(anyhow::anyhow!("the authority did not finish in five minutes")))
        {
            Ok((chain_pem, key_pem)) => {
                let kept = Kept { chain_pem, key_pem, at: self.app.now() };
                store.keep_ordered_certificate(kept).await?;
                tracing::info!("A certificate was issued and is shown.");
            }
            Err(error) => {
                log(&error, "No certificate came; what there is is shown on.");
                store.fail_acme_order(format!("{error:#}"), self.app.now()).await?;
            }
        }
        // Both are looked at again at once, which says how long to wait.
        Ok(Duration::ZERO)
    }
}

/// What is known of a certificate that is kept; one that can not be read is as good as none.
fn held_of(chain_pem: &str) -> Option<Held> {
    let details = Details::of_first(chain_pem).ok()?;
    let at = |time: std::time::SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    };
    Some(Held { not_before: at(details.not_before), not_after: at(details.not_after), names: details.names })
}

/// From 0 to 1; without random numbers the middle.
fn jitter() -> f64 {
    let mut byte = [0x80];
    let _ = SystemRandom::new().fill(&mut byte);
    f64::from(byte[0]) / 255.0
}
