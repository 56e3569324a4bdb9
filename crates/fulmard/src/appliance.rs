//! The whole box: everything wired, started, watched and stopped.

use std::{fs::DirBuilder, net::SocketAddr, os::unix::fs::DirBuilderExt, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::Router;
use fulmar_admin::{Admin, Console};
use fulmar_app::{App, Clock};
use fulmar_dns::Publisher;
use fulmar_domain::push::{HouseAddress, PairedHouse, PairingCode};
use fulmar_http::{
    Mutual,
    serve::{self, Places, Stop},
    trust,
};
use fulmar_push::{Clients, ServicesLeftAlone};
use fulmar_store::Store;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::{TcpListener, UdpSocket, UnixListener};
use tokio_util::sync::CancellationToken;

use crate::{
    Config,
    certificate::Certificate,
    files,
    sockets::{Sockets, Web},
    supervise::Supervisor,
    systemd,
};

/// How long requests that were begun may take to end.
const DRAIN: Duration = Duration::from_secs(3);
/// How long everything may take to end; what has not then is cut off.
const STOP_TIMEOUT: Duration = Duration::from_millis(4500);
/// The most connections at a time of the console, of phones without TLS and of the admin socket, each.
const OTHER_CONNECTIONS: usize = 512;
/// How often the store is tidied.
const TIDY: Duration = Duration::from_secs(15);

/// A box that serves.
pub struct Appliance {
    addresses: Addresses,
    store: Store,
    supervisor: Supervisor,
    stop: CancellationToken,
}

/// Where it serves; of the configured addresses the first of each kind, with the ports that the system chose.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// DNS, by UDP and TCP.
    pub dns: Option<SocketAddr>,
    /// Phones with TLS.
    pub https: Option<SocketAddr>,
    /// Phones without.
    pub http: Option<SocketAddr>,
    /// The console.
    pub console: Option<SocketAddr>,
}

/// Why the box ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was told to.
    Stopped,
    /// It can not go on, and is to be started anew.
    Failed,
}

/// What services are made of.
struct Parts {
    app: App,
    store: Store,
    publisher: Publisher,
    certificate: Arc<Certificate>,
    push: Clients,
    left_alone: ServicesLeftAlone,
    metrics: PrometheusHandle,
    supervisor: Supervisor,
}

impl Appliance {
    /// Opens the store, binds the sockets and starts every service. The box stops when `stop` is cancelled.
    ///
    /// # Errors
    /// When a directory, the store, a certificate or a socket can not be used; nothing serves then.
    pub async fn start(config: Config, stop: CancellationToken) -> Result<Self> {
        let state = &config.paths.state;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(state);
        made.with_context(|| format!("can not make `{}`", state.display()))?;
        let sockets = Sockets::bind(&config)?;
        let metrics = recorder()?;
        let store = Store::open(state)?;
        let (app, publisher) = (App::new(store.clone(), Clock::system()), Publisher::default());
        let certificate = Certificate::open(state, app.clone(), publisher.published()).await?;
        let certificate = Arc::new(certificate);
        let addresses = Addresses::of(&sockets);
        let supervisor = Supervisor::new(stop.clone());
        let parts = Parts {
            app,
            store: store.clone(),
            publisher,
            certificate,
            push: Clients::new(store.clone()),
            left_alone: ServicesLeftAlone::default(),
            metrics,
            supervisor: supervisor.clone(),
        };
        parts.start_background();
        parts.start_dns(sockets.dns)?;
        parts.start_web(sockets.web, files::make_room(config.phones.connections))?;
        parts.start_admin(sockets.admin, addresses.http)?;
        systemd::ready();
        addresses.log();
        Ok(Self { addresses, store, supervisor, stop })
    }

    /// Where it serves.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Serves until told to stop, or until the store fails; then ends within five seconds.
    pub async fn run(self) -> Exit {
        let exit = tokio::select! {
            () = self.stop.cancelled() => Exit::Stopped,
            () = self.store.stopped() => {
                tracing::error!("The store can not write any more; the box is to be started anew.");
                Exit::Failed
            }
        };
        systemd::stopping();
        tracing::info!("The box stops.");
        self.stop.cancel();
        if tokio::time::timeout(STOP_TIMEOUT, self.supervisor.ended()).await.is_err() {
            tracing::warn!("Something did not end in time and was cut off.");
        }
        exit
    }
}

impl Addresses {
    fn log(self) {
        tracing::info!(
            dns = self.dns.map(tracing::field::display),
            https = self.https.map(tracing::field::display),
            http = self.http.map(tracing::field::display),
            console = self.console.map(tracing::field::display),
            "The box serves."
        );
    }

    fn of(sockets: &Sockets) -> Self {
        let first = |listeners: &[std::net::TcpListener]| listeners.first().and_then(|l| l.local_addr().ok());
        Self {
            dns: sockets.dns.first().and_then(|(socket, _)| socket.local_addr().ok()),
            https: first(&sockets.web.phones),
            http: first(&sockets.web.plain_phones),
            console: first(&sockets.web.console),
        }
    }
}

impl Parts {
    fn start_background(&self) {
        let (store, publisher) = (self.store.clone(), self.publisher.clone());
        self.supervisor.run("zones", move |stop| fulmar_dns::run(store.clone(), publisher.clone(), stop));
        let publisher = self.publisher.clone();
        self.supervisor.run("notify", move |stop| fulmar_dns::notify(publisher.clone(), stop));
        let (push, left_alone) = (self.push.clone(), self.left_alone.clone());
        self.supervisor.run("push", move |stop| fulmar_push::run(push.clone(), left_alone.clone(), stop));
        let store = self.store.clone();
        self.supervisor.run("push-house", move |stop| fulmar_push::house::follow(store.clone(), stop));
        let certificate = Arc::clone(&self.certificate);
        self.supervisor.run("certificate", move |stop| {
            let certificate = Arc::clone(&certificate);
            async move { certificate.follow(stop).await }
        });
        let certificate = Arc::clone(&self.certificate);
        self.supervisor.run("acme", move |stop| {
            let certificate = Arc::clone(&certificate);
            async move { certificate.order(stop).await }
        });
        let app = self.app.clone();
        self.supervisor.run("upkeep", move |stop| tidy(app.clone(), stop));
        let app = self.app.clone();
        self.supervisor.run("deadlines", move |stop| sweep(app.clone(), stop));
        let store = self.store.clone();
        self.supervisor.run("watchdog", move |stop| systemd::watchdog(store.clone(), stop));
    }

    fn start_dns(&self, sockets: Vec<(std::net::UdpSocket, std::net::TcpListener)>) -> Result<()> {
        let server = fulmar_dns::Server::new(self.publisher.clone())?;
        for (udp, tcp) in sockets {
            let answers = server.clone();
            let udp = Arc::new(UdpSocket::from_std(udp)?);
            self.supervisor.run("dns-udp", move |stop| {
                let (udp, answers) = (Arc::clone(&udp), answers.clone());
                async move { fulmar_dns::serve_udp(&udp, answers, stop).await }
            });
            let answers = server.clone();
            let tcp = Arc::new(TcpListener::from_std(tcp)?);
            self.supervisor.run("dns-tcp", move |stop| {
                let (tcp, answers) = (Arc::clone(&tcp), answers.clone());
                async move { fulmar_dns::serve_tcp(&tcp, answers, stop).await }
            });
        }
        Ok(())
    }

    fn start_web(&self, sockets: Web, connections: usize) -> Result<()> {
        let console = Console {
            app: self.app.clone(),
            published: self.publisher.published(),
            metrics: self.metrics.clone(),
        };
        let few = Places::new(OTHER_CONNECTIONS);
        self.serve_tls("console", sockets.console, &few, None, move |_| {
            fulmar_admin::console_router(console.clone())
        })?;
        let (app, trust) = (self.app.clone(), self.certificate.trust().clone());
        let boxes = fulmar_push::house::router(self.push.clone());
        let boxes = Mutual::new(fulmar_push::house::PROTOCOL, self.certificate.live(), boxes)?;
        self.serve_tls("phones", sockets.phones, &Places::new(connections), Some(&boxes), move |stop| {
            trust::serve(trust.clone(), fulmar_mobility::router(app.clone(), stop))
        })?;
        let few = Places::new(OTHER_CONNECTIONS);
        for listener in sockets.plain_phones {
            let few = few.clone();
            let (app, trust) = (self.app.clone(), self.certificate.trust().clone());
            self.supervisor.run("plain-phones", move |signal| {
                let router = trust::serve(trust.clone(), fulmar_mobility::plain_router(app.clone()));
                let (listener, few) = (listener.try_clone(), few.clone());
                async move {
                    if let Ok(listener) = listener.and_then(TcpListener::from_std) {
                        serve::plain(listener, router, Stop { signal, drain: DRAIN }, few).await;
                    }
                }
            });
        }
        Ok(())
    }

    fn serve_tls(
        &self,
        name: &'static str,
        listeners: Vec<std::net::TcpListener>,
        places: &Places,
        mutual: Option<&Mutual>,
        router: impl Fn(CancellationToken) -> Router + Clone + Send + 'static,
    ) -> Result<()> {
        let (app, live) = (self.app.clone(), self.certificate.live().clone());
        let router = move |signal| fulmar_mobility::hsts(router(signal), app.clone(), live.clone());
        let tls = self.certificate.live().server_config()?;
        for listener in listeners {
            let (tls, router, mutual, places) =
                (Arc::clone(&tls), router.clone(), mutual.cloned(), places.clone());
            self.supervisor.run(name, move |signal| {
                let (listener, tls, router) =
                    (listener.try_clone(), Arc::clone(&tls), router(signal.clone()));
                let (mutual, places, stop) = (mutual.clone(), places.clone(), Stop { signal, drain: DRAIN });
                async move {
                    if let Ok(listener) = listener.and_then(TcpListener::from_std) {
                        serve::tls(listener, tls, router, mutual, stop, places).await;
                    }
                }
            });
        }
        Ok(())
    }

    fn start_admin(
        &self,
        listener: std::os::unix::net::UnixListener,
        http: Option<SocketAddr>,
    ) -> Result<()> {
        let (reports, notices) =
            (Arc::clone(self.publisher.secondaries()), Arc::clone(self.publisher.secondaries()));
        let (publisher, left_alone) = (self.publisher.clone(), self.left_alone.clone());
        let router = fulmar_admin::router(Admin {
            app: self.app.clone(),
            trust: self.certificate.trust().clone(),
            http_port: http.map(|address| address.port()),
            published: self.publisher.published(),
            check_push: Arc::new(fulmar_push::check),
            pair_with_house: Arc::new(|address, code| Box::pin(pair_with_house(address, code))),
            services_left_alone: Arc::new(move || left_alone.list()),
            check_custom_zone: Arc::new(fulmar_dns::check_custom_zone),
            secondary_report: Arc::new(move |name| reports.report(name)),
            signed_zones: Arc::new(move || publisher.snapshot().signed_zones()),
            notify_secondaries: Arc::new(move || notices.notify()),
        });
        let few = Places::new(OTHER_CONNECTIONS);
        self.supervisor.run("admin", move |signal| {
            let (listener, router, few) = (listener.try_clone(), router.clone(), few.clone());
            async move {
                if let Ok(listener) = listener.and_then(UnixListener::from_std) {
                    serve::unix(listener, router, Stop { signal, drain: DRAIN }, few).await;
                }
            }
        });
        Ok(())
    }
}

async fn pair_with_house(address: HouseAddress, code: PairingCode) -> Result<PairedHouse, String> {
    let paired = fulmar_push::house::pair(address, &code).await;
    paired.map_err(|error| format!("{:#}", anyhow::Error::from(error)))
}

/// The counters of the process. A second appliance in one process, as in tests, shares those of the first.
fn recorder() -> Result<PrometheusHandle> {
    static HANDLE: std::sync::OnceLock<PrometheusHandle> = std::sync::OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // Two at once: the second finds the first one's recorder in place.
    if metrics::set_global_recorder(recorder).is_ok() {
        let _ = HANDLE.set(handle.clone());
    }
    Ok(HANDLE.get().cloned().unwrap_or(handle))
}

/// Ends what has a deadline, when it is over; looks again sooner when something gets one.
async fn sweep(app: App, stop: CancellationToken) {
    let mut deadlines = app.store().deadlines();
    let sweep = async {
        loop {
            deadlines.mark_unchanged();
            let next = app.store().sweep(app.now()).await.unwrap_or_else(|error| {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::error!(error, "What is over could not be ended.");
                None
            });
            let pause = next.map_or(TIDY, |next| next.since(app.now()).min(TIDY));
            let _ = tokio::time::timeout(pause, deadlines.changed()).await;
        }
    };
    stop.run_until_cancelled(sweep).await;
}

async fn tidy(app: App, stop: CancellationToken) {
    let tidy = async {
        loop {
            let now = app.now();
            let tidied = async {
                app.store().tidy(now).await?;
                if app.store().may_forget(now).await? { app.store().forget_old(now).await } else { Ok(()) }
            };
            if let Err(error) = tidied.await {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::error!(error, "The store could not be tidied.");
            }
            tokio::time::sleep(TIDY).await;
        }
    };
    stop.run_until_cancelled(tidy).await;
}
