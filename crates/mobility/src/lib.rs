//! What phones see: discovery, web tickets, and the mobility service (`MCX.md`); and the page of a meeting.
//!
//! Handlers translate: wire formats of `fulmar-wire` on one side, use cases of `fulmar-app` on the other. Every
//! error of a use case has an arm here that says what a phone is told.

mod any_case;
mod challenge;
mod discovery;
mod hold;
mod hsts;
mod mcx;
mod meet;
mod tickets;
mod ucwa;
mod xframe;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use fulmar_app::App;
use fulmar_http::{Surface, edge};
use fulmar_wire::{autodiscover, challenge as paths};
use tokio_util::sync::CancellationToken;

pub use hsts::hsts;

/// What every handler has at hand.
#[derive(Clone)]
struct Phones {
    app: App,
    /// Resolves when held polls are to be answered because the box stops.
    stop: CancellationToken,
}

/// The routes for phones over TLS. When `stop` is cancelled, held polls are answered with nothing.
pub fn router(app: App, stop: CancellationToken) -> Router {
    let tickets = paths::TICKET_PATH;
    let phones = Phones { app, stop };
    let routes = Router::new()
        .route("/", get(discovery::root))
        .route(&lower(autodiscover::ROOT_PATH), get(discovery::root))
        .route(&lower(autodiscover::DOMAIN_PATH), get(discovery::domain))
        .route(&lower(autodiscover::USER_PATH), get(discovery::user))
        .route(&lower(autodiscover::OAUTH_USER_PATH), get(discovery::user))
        .route(&lower(paths::OAUTH_PATH), post(tickets::oauth))
        .route(&lower(tickets), post(tickets::ws_trust::by_http))
        .route(&lower(&format!("{tickets}/mex")), get(tickets::ws_trust::describe))
        .route(&lower(&format!("{tickets}/Auth")), post(tickets::ws_trust::by_message))
        .route(&lower(autodiscover::MCX_PATH), get(mcx::poll).post(mcx::commands))
        .route(&lower(autodiscover::MCX_PHOTO_PATH), get(mcx::photo::show))
        .route(&lower(autodiscover::XFRAME_PATH), get(xframe::page))
        .route(meet::PATH, get(meet::page))
        .merge(ucwa::router(&phones))
        .route("/xframe", get(xframe::page))
        .route(&lower(xframe::SCRIPT_PATH), get(xframe::script))
        .layer(middleware::from_fn_with_state(phones.clone(), xframe::check_origin))
        .with_state(phones);
    any_case::serve(edge(routes, Surface::Phones))
}

/// The routes for phones without TLS: the one thing said there is where TLS is.
pub fn plain_router(app: App) -> Router {
    let routes = Router::new()
        .route("/", get(discovery::redirect))
        .route(&lower(autodiscover::ROOT_PATH), get(discovery::redirect))
        .with_state(Phones { app, stop: CancellationToken::new() });
    any_case::serve(edge(routes, Surface::Phones))
}

fn lower(path: &str) -> String {
    path.to_ascii_lowercase()
}
