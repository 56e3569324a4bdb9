use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytes::Bytes;
use hickory_server::proto::{
    op::{Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RecordType},
    serialize::binary::{BinDecodable, BinEncodable},
};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use ring::rand::{SecureRandom, SystemRandom};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// How long DNS and connections may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer may take: a poll is held for three minutes.
const ANSWER_PATIENCE: Duration = Duration::from_secs(200);
/// The longest answer that is read.
const MAX_ANSWER: usize = 1024 * 1024;

/// The network as a phone sees it: a DNS server and the authorities it trusts.
#[derive(Clone)]
pub struct Network {
    dns: SocketAddr,
    tls: TlsConnector,
}

/// An answer over HTTPS.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// A header field as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Network {
    /// A network with this DNS server, in which the certificates in `ca_pem` are trusted and no others.
    ///
    /// # Errors
    /// When `ca_pem` holds no certificate.
    pub fn new(dns: SocketAddr, ca_pem: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
            roots.add(certificate.context("the CA file is not PEM")?)?;
        }
        ensure!(!roots.is_empty(), "the CA file holds no certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { dns, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// The IPv4 and IPv6 addresses of a host; none when there is no such name.
    ///
    /// # Errors
    /// When the DNS server does not answer, or refuses.
    pub async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>> {
        let mut addresses = Vec::new();
        for record_type in [RecordType::A, RecordType::AAAA] {
            let response = self.ask(host, record_type).await?;
            match response.metadata.response_code {
                ResponseCode::NoError | ResponseCode::NXDomain => {}
                ResponseCode::Refused => bail!(
                    "the DNS server {} refuses `{host}`: it serves no such domain, and asks nobody else",
                    self.dns
                ),
                code => bail!("the DNS server {} answers `{host}` with {code}", self.dns),
            }
            addresses.extend(response.answers.iter().filter_map(|record| record.data.ip_addr()));
        }
        Ok(addresses)
    }

    async fn ask(&self, host: &str, record_type: RecordType) -> Result<Message> {
        let mut id = [0; 2];
        SystemRandom::new().fill(&mut id).ok().context("the system gave no random numbers")?;
        let mut query = Message::new(u16::from_be_bytes(id), MessageType::Query, OpCode::Query);
        query.add_query(Query::query(Name::from_ascii(format!("{host}."))?, record_type));
        let local: SocketAddr = if self.dns.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = UdpSocket::bind(local).await?;
        socket.connect(self.dns).await?;
        let mut buffer = [0; 4096];
        // A datagram may be lost: ask twice.
        for _ in 0..2 {
            socket.send(&query.to_bytes()?).await?;
            let Ok(received) = timeout(PATIENCE / 2, socket.recv(&mut buffer)).await else { continue };
            let length = received.with_context(|| format!("nobody answers DNS at {}", self.dns))?;
            let response =
                Message::from_bytes(&buffer[..length]).context("the DNS answer is not readable")?;
            ensure!(response.metadata.id == query.metadata.id, "the DNS answer is to another question");
            return Ok(response);
        }
        bail!("the DNS server {} does not answer", self.dns)
    }

    /// Sends a request to the URL: resolves the host, verifies the certificate, speaks HTTP/1.1.
    ///
    /// # Errors
    /// When a name, a connection or an answer is missing. A status that is no success is an answer.
    pub async fn request(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Reply> {
        let uri: Uri = url.parse().with_context(|| format!("`{url}` is no URL"))?;
        ensure!(uri.scheme_str() == Some("https"), "`{url}` is not https");
        let host = uri.host().with_context(|| format!("`{url}` has no host"))?.to_owned();
        let addresses = self.resolve(&host).await?;
        let address = *addresses.first().with_context(|| format!("there is no address for `{host}`"))?;
        let address = SocketAddr::new(address, uri.port_u16().unwrap_or(443));
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = uri.authority().map_or(host.as_str(), |authority| authority.as_str());
        let mut request = Request::builder().method(method).uri(path).header("host", authority);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into()))?;
        timeout(ANSWER_PATIENCE, self.exchange(&host, address, request)).await.context("no answer in time")?
    }

    async fn exchange(
        &self,
        host: &str,
        address: SocketAddr,
        request: Request<Full<Bytes>>,
    ) -> Result<Reply> {
        let connect = async {
            let stream = TcpStream::connect(address).await;
            let stream = stream.with_context(|| format!("can not connect to {address}"))?;
            let secured = self.tls.connect(ServerName::try_from(host.to_owned())?, stream).await;
            secured.with_context(|| format!("the certificate or TLS of `{host}` is not accepted"))
        };
        let stream =
            timeout(PATIENCE, connect).await.with_context(|| format!("{address} does not answer"))??;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let response = sender.send_request(request).await.context("the connection broke")?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow!(error)).context("the answer broke off")?;
        Ok(Reply { status: parts.status, headers: parts.headers, body: body.to_bytes() })
    }
}
