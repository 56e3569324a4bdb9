//! Where devices are woken.

use fulmar_domain::{
    Timestamp,
    device::{MAX_REGISTRATIONS, Provider, PushRegistration, Subscription},
};
use rusqlite::{Row, params};

use super::{ids, reconsider, withdraw};
use crate::{rows::parsed, writer::Tx};

/// Notes where a device is woken, and nobody else there.
pub(crate) fn register(
    tx: &mut Tx<'_>,
    device: i64,
    registration: &PushRegistration,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let (provider, address) = (registration.provider().as_str(), registration.address());
    let earlier = "SELECT id FROM device WHERE push_provider = ?1 AND push_token = ?2 AND id <> ?3";
    for owner in ids(tx.sql, earlier, params![provider, address, device])? {
        unregister(tx, owner, "another device is woken there", now)?;
    }
    make_room(tx, device, now)?;
    let keys = match registration {
        PushRegistration::Apns(_) | PushRegistration::Fcm(_) | PushRegistration::Wns(_) => None,
        PushRegistration::WebPush(Subscription { key, auth, .. }) => Some((key.as_str(), auth.reveal())),
    };
    let update = "UPDATE device SET push_provider = ?2, push_token = ?3, push_registered = ?4,
             push_p256dh = ?5, push_auth = ?6, push_service = ?7 WHERE id = ?1";
    let (key, auth) = keys.unzip();
    let service = registration.service();
    let values = params![device, provider, address, now.as_millis(), key, auth, service];
    tx.sql.prepare_cached(update)?.execute(values)?;
    // What waits goes where the device is woken from now on.
    let update =
        "UPDATE notification SET service = ?2 WHERE device = ?1 AND state = 'pending' AND service <> ?2";
    tx.sql.prepare_cached(update)?.execute(params![device, service])?;
    reconsider(tx, device, now)
}

/// Has the devices of the person forgotten that registered longest ago, beyond what there may be: those without a
/// session, of which there are enough, since there are fewer sessions. They only wait to be told that theirs has ended.
fn make_room(tx: &mut Tx<'_>, device: i64, now: Timestamp) -> rusqlite::Result<()> {
    let surplus = "SELECT d.id FROM device d LEFT JOIN session s ON s.device = d.id
         WHERE d.account = (SELECT account FROM device WHERE id = ?1) AND d.id <> ?1 AND d.push_token IS NOT NULL
         ORDER BY s.device IS NULL, d.push_registered DESC LIMIT -1 OFFSET ?2";
    let others = MAX_REGISTRATIONS - 1;
    let why = "the person has registered more devices since";
    ids(tx.sql, surplus, params![device, others])?
        .into_iter()
        .try_for_each(|other| unregister(tx, other, why, now))
}

/// Forgets where a device is woken; what it was to be woken for is given up, and the ledger says why.
pub(crate) fn unregister(tx: &mut Tx<'_>, device: i64, why: &str, now: Timestamp) -> rusqlite::Result<()> {
    withdraw(tx, device, why, now)?;
    let update = "UPDATE device SET push_provider = NULL, push_token = NULL, push_registered = NULL,
             push_p256dh = NULL, push_auth = NULL, push_service = NULL WHERE id = ?1";
    tx.sql.prepare_cached(update)?.execute([device]).map(drop)
}

/// A registration as it stands in four columns: provider, address and the two keys.
pub(super) fn read(row: &Row<'_>, column: usize) -> rusqlite::Result<PushRegistration> {
    Ok(match parsed(row, column)? {
        Provider::Apns => PushRegistration::Apns(parsed(row, column + 1)?),
        Provider::Fcm => PushRegistration::Fcm(parsed(row, column + 1)?),
        Provider::Wns => PushRegistration::Wns(parsed(row, column + 1)?),
        Provider::WebPush => PushRegistration::WebPush(Subscription {
            endpoint: parsed(row, column + 1)?,
            key: parsed(row, column + 2)?,
            auth: parsed(row, column + 3)?,
        }),
    })
}
