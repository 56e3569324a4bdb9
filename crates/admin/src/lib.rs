//! What administrators see: the admin API on a local Unix socket, and the console listener.
//!
//! | route | |
//! |---|---|
//! | `GET /api/v1/status` | what there is, in numbers |
//! | `GET PUT /api/v1/office` | the office's intent |
//! | `GET /api/v1/office/provider-records` | what is entered at the provider of the domain |
//! | `GET POST /api/v1/people` | who can sign in |
//! | `PUT /api/v1/people/{address}/password` | a new password; ends their sessions |
//! | `PUT /api/v1/people/{address}/disabled` | keep somebody out, or let them in again |
//! | `GET PUT /api/v1/people/{address}/details` | name, title, department, company, office, e-mail addresses, phones |
//! | `GET PUT DELETE /api/v1/people/{address}/photo` | a picture, JPEG or PNG, which is kept as a small JPEG |
//! | `POST /api/v1/people/{address}/sign-out` | end their sessions and tickets |
//! | `GET /api/v1/people/{address}/devices` | their devices that are signed in or hold a ticket |
//! | `DELETE /api/v1/people/{address}/devices/{id}` | end what one of them has |
//! | `PUT /api/v1/people/{address}/mobility-policy` | grant a policy by name, or take it back |
//! | `GET /api/v1/policies` | the configuration objects, and the scopes at which something was said |
//! | `GET /api/v1/policies/{object}?person=…` | what is in force for a person, and which scope decides |
//! | `GET PUT DELETE /api/v1/policies/{object}/{scope}` | what an object says at a scope; parameters that a change does not name stay |
//! | `GET /api/v1/lockouts` | whose sign-ins are slowed after wrong passwords, and from where those came |
//! | `DELETE /api/v1/lockouts/{subject}` | forget the wrong passwords of a person, an administrator or an address |
//! | `GET POST /api/v1/administrators` | who can sign in at the console |
//! | `PUT /api/v1/administrators/{name}/password` | a new password; ends their sessions there |
//! | `DELETE /api/v1/administrators/{name}` | one of them, whose sessions end |
//! | `GET /api/v1/sessions` | who is signed in, on what |
//! | `GET /api/v1/zones` | the zones that follow from the office |
//! | `GET POST DELETE /api/v1/zones/records` | records of the administrator's own, in those zones |
//! | `GET /api/v1/zones/imported` | zones of the administrator's own |
//! | `GET PUT DELETE /api/v1/zones/imported/{zone}?side=…` | one of them, which is changed as a master file |
//! | `POST /api/v1/zones/undo` | take the last change of these records and zones back |
//! | `GET POST /api/v1/dns/secondaries` | name servers elsewhere that keep copies of the zones |
//! | `DELETE /api/v1/dns/secondaries/{name}` | one of them, which may take no more |
//! | `GET PUT /api/v1/dns/dnssec` | whether zones are signed, and what their parents are told |
//! | `POST /api/v1/dns/notify` | tell all of them their serials again |
//! | `GET /api/v1/certificate` | what is shown for which name, and how the next one comes |
//! | `PUT /api/v1/certificate` | keep a certificate with its key, and show it |
//! | `POST /api/v1/certificate/preview` | what would be found in one; nothing is kept |
//! | `PUT /api/v1/certificate/source` | `own`, `uploaded` or `acme` |
//! | `PUT DELETE /api/v1/certificate/acme` | the public authority that issues and renews it |
//! | `POST /api/v1/certificate/acme/renewal` | ask for a new one at once |
//! | `GET /api/v1/push/keys` | to which push services the box can speak, and as whom; nothing that is secret |
//! | `PUT`, `DELETE /api/v1/push/apns` | how the box speaks to Apple |
//! | `PUT`, `DELETE /api/v1/push/web` | whether phones are woken by Web Push, and whom its services write to |
//! | `PUT`, `DELETE /api/v1/push/fcm`, `/api/v1/push/wns` | how the box speaks to Firebase and to WNS |
//! | `GET /api/v1/push/ledger` | what became of notifications |
//! | `GET /api/v1/push/why/{message}` | what became of a message, device by device |
//! | `POST /api/v1/push/test` | send a notification to a device, and wait for what its service says |
//! | `GET PUT DELETE /api/v1/push/house` | the clearing house: who sends for this box and for whom it sends; pair; leave |
//! | `POST /api/v1/push/house/invitations` | a code for a box that is to hand its notifications over |
//! | `PUT /api/v1/push/house/boxes/{name}/quota` | how many notifications a box may hand over |
//! | `DELETE /api/v1/push/house/boxes/{name}` | send nothing more for a box |
//! | `GET /api/v1/push/house/ledger?name=…` | what became of what boxes have handed over |
//!
//! Whoever may open the socket may do all of this: the permissions of the file are the access control. Errors
//! are problem documents (RFC 9457). The console listener has pages behind a sign-in, and `/livez`, `/readyz` and
//! `/metrics`, which need none.

mod administrators;
mod certificate;
mod console;
mod custom_zones;
mod details;
mod devices;
mod dnssec;
mod json;
mod lockouts;
mod office;
mod people;
mod photo;
mod policies;
mod push;
mod push_house;
mod secondaries;
mod status;
mod zones;

use std::{pin::Pin, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{delete, get, post, put},
};
use fulmar_app::{App, CheckCustomZone};
use fulmar_domain::{
    custom_zone::MAX_TEXT,
    dnssec::SignedZone,
    photo::MAX_PICTURE,
    push::{Entered, HouseAddress, LeftAlone, PairedHouse, PairingCode},
    secondary::{SecondaryName, SecondaryReport},
};
use fulmar_http::{Surface, edge, trust::Trust};
use tokio::sync::watch;

pub use console::{Console, console_router};

/// Says what is wrong with the settings of a push service, in words for an administrator.
pub type CheckPush = Arc<dyn Fn(Entered<'_>) -> Result<(), String> + Send + Sync>;

/// Pairs with a clearing house, or says in words for an administrator why not.
pub type PairWithHouse = Arc<
    dyn Fn(HouseAddress, PairingCode) -> Pin<Box<dyn Future<Output = Result<PairedHouse, String>> + Send>>
        + Send
        + Sync,
>;

/// Says what is known of the dealings with a secondary.
pub type SecondaryReports = Arc<dyn Fn(&SecondaryName) -> SecondaryReport + Send + Sync>;

/// What every handler has at hand.
#[derive(Clone)]
pub struct Admin {
    /// The use cases.
    pub app: App,
    /// The box's own authority, and the certificates that are shown.
    pub trust: Trust,
    /// Where phones are served without TLS.
    pub http_port: Option<u16>,
    /// The generation of the office that DNS serves.
    pub published: watch::Receiver<u64>,
    /// Checks the settings of push services before they are kept.
    pub check_push: CheckPush,
    /// Pairs with a clearing house.
    pub pair_with_house: PairWithHouse,
    /// The push services that do not answer.
    pub services_left_alone: Arc<dyn Fn() -> Vec<LeftAlone> + Send + Sync>,
    /// Looks at records and zones before they are kept.
    pub check_custom_zone: CheckCustomZone,
    /// What is known of the dealings with a secondary.
    pub secondary_report: SecondaryReports,
    /// The zones that are served with signatures.
    pub signed_zones: Arc<dyn Fn() -> Vec<SignedZone> + Send + Sync>,
    /// Tells the secondaries their serials again.
    pub notify_secondaries: Arc<dyn Fn() + Send + Sync>,
}

/// The admin API.
pub fn router(admin: Admin) -> Router {
    let routes = Router::new()
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/office", get(office::show).put(office::change))
        .route("/api/v1/office/provider-records", get(office::provider_records))
        .merge(of_people())
        .route("/api/v1/policies", get(policies::list))
        .route("/api/v1/policies/{object}", get(policies::in_force))
        .route(
            "/api/v1/policies/{object}/{scope}",
            get(policies::show).put(policies::set).delete(policies::remove),
        )
        .route("/api/v1/lockouts", get(lockouts::list))
        .route("/api/v1/lockouts/{subject}", delete(lockouts::clear))
        .route("/api/v1/administrators", get(administrators::list).post(administrators::add))
        .route("/api/v1/administrators/{name}/password", put(administrators::change_password))
        .route("/api/v1/administrators/{name}", delete(administrators::remove))
        .route("/api/v1/sessions", get(status::sessions))
        .route("/api/v1/zones", get(zones::zones))
        .route(
            "/api/v1/zones/records",
            get(custom_zones::records).post(custom_zones::add).delete(custom_zones::remove),
        )
        .route("/api/v1/zones/imported", get(custom_zones::imported))
        .route(
            "/api/v1/zones/imported/{zone}",
            get(custom_zones::export)
                .delete(custom_zones::remove_zone)
                .put(custom_zones::import)
                .layer(DefaultBodyLimit::max(MAX_TEXT)),
        )
        .route("/api/v1/zones/undo", post(custom_zones::undo))
        .route("/api/v1/dns/secondaries", get(secondaries::list).post(secondaries::add))
        .route("/api/v1/dns/secondaries/{name}", delete(secondaries::remove))
        .route("/api/v1/dns/notify", post(secondaries::notify))
        .route("/api/v1/dns/dnssec", get(dnssec::show).put(dnssec::change))
        .route("/api/v1/certificate", get(certificate::show).put(certificate::upload::upload))
        .route("/api/v1/certificate/preview", post(certificate::upload::preview))
        .route("/api/v1/certificate/source", put(certificate::change_source))
        .route("/api/v1/certificate/acme", put(certificate::acme::choose).delete(certificate::acme::forget))
        .route("/api/v1/certificate/acme/renewal", post(certificate::acme::renew))
        .merge(of_push())
        .merge(of_the_house())
        .with_state(admin);
    edge(routes, Surface::Admin)
}

fn of_push() -> Router<Admin> {
    use push::keys;
    Router::new()
        .route("/api/v1/push/keys", get(keys::show))
        .route("/api/v1/push/apns", put(keys::set_apns).delete(keys::forget_apns))
        .route("/api/v1/push/fcm", put(keys::set_fcm).delete(keys::forget_fcm))
        .route("/api/v1/push/wns", put(keys::set_wns).delete(keys::forget_wns))
        .route("/api/v1/push/web", put(keys::set_web_push).delete(keys::forget_web_push))
        .route("/api/v1/push/ledger", get(push::ledger))
        .route("/api/v1/push/why/{message}", get(push::why))
        .route("/api/v1/push/test", post(push::test))
}

fn of_the_house() -> Router<Admin> {
    Router::new()
        .route("/api/v1/push/house", get(push_house::show).put(push_house::pair).delete(push_house::leave))
        .route("/api/v1/push/house/invitations", post(push_house::invite))
        .route("/api/v1/push/house/boxes/{name}", delete(push_house::remove))
        .route("/api/v1/push/house/boxes/{name}/quota", put(push_house::set_quota))
        .route("/api/v1/push/house/ledger", get(push_house::ledger))
}

fn of_people() -> Router<Admin> {
    Router::new()
        .route("/api/v1/people", get(people::list))
        .route("/api/v1/people", post(people::add))
        .route("/api/v1/people/{address}/password", put(people::change_password))
        .route("/api/v1/people/{address}/disabled", put(people::set_disabled))
        .route("/api/v1/people/{address}/home", put(people::set_home))
        .route("/api/v1/people/{address}/details", get(details::show).put(details::change))
        .route(
            "/api/v1/people/{address}/photo",
            get(photo::show)
                .delete(photo::remove)
                .put(photo::change)
                .layer(DefaultBodyLimit::max(MAX_PICTURE)),
        )
        .route("/api/v1/people/{address}/sign-out", post(people::sign_out))
        .route("/api/v1/people/{address}/devices", get(devices::list))
        .route("/api/v1/people/{address}/devices/{id}", delete(devices::revoke))
        .route("/api/v1/people/{address}/mobility-policy", put(policies::grant))
}
