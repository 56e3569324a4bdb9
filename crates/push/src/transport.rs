//! Connections to the services: nothing else in this crate opens any.
//!
//! hyper's pool opens a connection with the first request and another one when it has ended, whether by
//! GOAWAY, by an error or because pings stay unanswered. How many requests are in flight on one of HTTP/2, the service
//! decides; further ones wait for their turn. Redirections are not followed.

mod reach;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, response::Parts};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;

use crate::error::SendError;
pub(crate) use reach::{NotReachable, Reach};

/// How long a push may take from the call to the answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an idle connection is asked whether it lives, which also keeps a firewall from forgetting it.
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// How long the answer to a ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection to one of many services is kept without use, and how many of them.
const IDLE: (Duration, usize) = (Duration::from_secs(90), 4);
/// The longest answer that is read; those of the services are much shorter.
const MAX_ANSWER: usize = 4096;

/// A pool of connections over TLS.
pub(crate) struct Transport(legacy::Client<HttpsConnector<HttpConnector<Reach>>, Full<Bytes>>);

impl Transport {
    /// To one service that speaks HTTP/2 and keeps its connection, idle or not.
    pub(crate) fn kept(tls: ClientConfig) -> Self {
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http2();
        Self::over_http2(connector.wrap_connector(tcp(Reach::Anywhere)))
    }

    /// The same to a clearing house: the protocol that `tls` names is HTTP/2 by another name.
    pub(crate) fn mutual(tls: ClientConfig) -> Self {
        let mut connector = HttpsConnector::from((tcp(Reach::Anywhere), tls));
        connector.enforce_https();
        Self::over_http2(connector)
    }

    fn over_http2(connector: HttpsConnector<HttpConnector<Reach>>) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(None)
            .http2_only(true)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_keep_alive_while_idle(true)
            .build(connector);
        Self(http)
    }

    /// To many services, with HTTP/2 or HTTP/1.1 as each of them likes.
    pub(crate) fn to_many(tls: ClientConfig, reach: Reach) -> Self {
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_all_versions();
        let (idle, connections) = IDLE;
        let http = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(idle)
            .pool_max_idle_per_host(connections)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .build(connector.wrap_connector(tcp(reach)));
        Self(http)
    }

    /// Sends a request and reads the answer to its end. The status has been said when a body is too long or breaks off:
    /// what a service explains at length is not needed to act on it.
    pub(crate) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(Parts, Bytes), SendError> {
        let (head, body) = self.0.request(request).await.map_err(SendError::Exchange)?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        Ok((head, body.map(http_body_util::Collected::to_bytes).unwrap_or_default()))
    }
}

fn tcp(reach: Reach) -> HttpConnector<Reach> {
    let mut tcp = HttpConnector::new_with_resolver(reach);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp
}
