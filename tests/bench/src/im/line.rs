//! A connection that is kept, over HTTP/1.1, with TLS or without.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Where a server is, how it is called and whom it is believed from.
#[derive(Clone)]
pub(crate) struct Place {
    address: SocketAddr,
    name: &'static str,
    tls: TlsConnector,
}

impl Place {
    pub(crate) fn new(address: SocketAddr, name: &'static str, ca_pem: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
            roots.add(certificate?)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, name, tls: TlsConnector::from(Arc::new(config)) })
    }

    pub(crate) async fn connect(&self) -> Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(self.name)?;
        self.tls.connect(name, stream).await.context("the handshake failed")
    }

    pub(crate) async fn line(&self) -> Result<Line> {
        Line::over(self.connect().await?, self.name).await
    }
}

pub(crate) struct Line {
    sender: SendRequest<Full<Bytes>>,
    host: &'static str,
    connection: JoinHandle<()>,
}

impl Line {
    pub(crate) async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        host: &'static str,
    ) -> Result<Self> {
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Its end is seen by whoever asks next.
        let connection = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, host, connection })
    }

    /// Asks, and reads the whole of a good answer.
    pub(crate) async fn ask(&mut self, request: http::request::Builder, body: String) -> Result<Bytes> {
        Ok(self.begin(request, body).await?.into_body().collect().await?.to_bytes())
    }

    /// Asks, and leaves the body of a good answer to be read.
    pub(crate) async fn begin(
        &mut self,
        request: http::request::Builder,
        body: String,
    ) -> Result<Response<Incoming>> {
        let request: Request<_> = request.header("host", self.host).body(Full::from(body))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        ensure!(response.status().is_success(), "a request was answered with {}", response.status());
        Ok(response)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
