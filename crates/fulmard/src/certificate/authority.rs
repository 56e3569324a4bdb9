//! The connection to a public authority: https only, bounded in time and size.

use std::{pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Limited;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read: a chain of certificates has less than a tenth of it.
const MAX_ANSWER: usize = 256 * 1024;

pub(super) struct Client(Pool<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

/// A client that trusts these certificates (PEM), or the public authorities.
pub(super) fn client(trust_anchors_pem: Option<&str>) -> Result<Client> {
    let mut roots = RootCertStore::empty();
    match trust_anchors_pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                roots.add(certificate.context("the trust anchors are not PEM")?)?;
            }
            ensure!(!roots.is_empty(), "there is no certificate among the trust anchors");
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().enable_http2().build();
    Ok(Client(Pool::builder(TokioExecutor::new()).build(connector)))
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let answer = self.0.request(request);
        Box::pin(async move {
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, answer).await;
            let answer = answer.map_err(|error| Error::Other(Box::new(error)))?;
            let (head, body) = answer.map_err(|error| Error::Other(Box::new(error)))?.into_parts();
            Ok(BytesResponse::from(Response::from_parts(head, Limited::new(body, MAX_ANSWER))))
        })
    }
}
