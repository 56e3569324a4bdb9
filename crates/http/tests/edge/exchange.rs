//! Certificates that are exchanged while phones are connected.

use std::{collections::BTreeSet, sync::Arc, time::SystemTime};

use fulmar_http::authority::{Authority, Leaf};
use rcgen::{CertificateParams, CustomExtension};
use rustls::{
    ClientConfig, HandshakeKind,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_parser::parse_x509_certificate;

use crate::{
    LONG,
    encrypted::{BOTH, Encrypted, client, leaf},
    read_all, request,
};

/// An authority that is not the box's.
struct Public {
    authority: Authority,
    _dir: TempDir,
}

impl Public {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_create(dir.path(), SystemTime::now()).unwrap();
        Self { authority, _dir: dir }
    }

    fn leaf(&self, name: &str) -> Leaf {
        leaf(&self.authority, name)
    }
}

async fn connect(server: &Encrypted, config: &Arc<ClientConfig>, name: &'static str) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let connector = TlsConnector::from(Arc::clone(config));
    connector.connect(ServerName::try_from(name).unwrap(), stream).await.unwrap()
}

/// The certificate that a connection saw.
fn seen(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

#[tokio::test]
async fn a_new_certificate_is_shown_from_the_next_handshake_on_and_nothing_open_is_dropped() {
    let server = Encrypted::new(LONG).await;
    let mut kept = server.connect("one.test", b"http/1.1").await.unwrap();
    let mut waiting = server.connect("one.test", b"http/1.1").await.unwrap();
    waiting.write_all(&request("GET", "/slow", "")).await.unwrap();
    server.begun.notified().await;
    server.live.show(&leaf(&server.authority, "two.test"), None).unwrap();
    assert!(server.connect("two.test", b"http/1.1").await.is_ok());
    assert!(server.connect("one.test", b"http/1.1").await.is_err());
    assert!(read_all(&mut waiting).await.ends_with("slept"));
    kept.write_all(&request("GET", "/", "")).await.unwrap();
    assert!(read_all(&mut kept).await.ends_with("hello"));
}

#[tokio::test]
async fn a_certificate_with_the_key_of_another_is_refused_and_the_old_one_shown_on() {
    let server = Encrypted::new(LONG).await;
    let (one, two) = (leaf(&server.authority, "one.test"), leaf(&server.authority, "two.test"));
    let mixed = Leaf { chain_pem: two.chain_pem, key_pem: one.key_pem };
    assert!(server.live.show(&mixed, None).is_err());
    assert!(server.connect("one.test", b"http/1.1").await.is_ok());
}

#[tokio::test]
async fn a_session_is_not_resumed_across_an_exchange() {
    for version in BOTH {
        let server = Encrypted::new(LONG).await;
        let config = Arc::new(client(&[server.authority.certificate_pem()], &[version]));
        let kind = async || {
            let mut stream = connect(&server, &config, "one.test").await;
            // With TLS 1.3 the tickets come with the first answer.
            stream.write_all(&request("GET", "/", "")).await.unwrap();
            read_all(&mut stream).await;
            stream.get_ref().1.handshake_kind()
        };
        assert_eq!(kind().await, Some(HandshakeKind::Full));
        assert_eq!(kind().await, Some(HandshakeKind::Resumed));
        let shown = leaf(&server.authority, "one.test");
        server.live.show(&shown, None).unwrap();
        assert_eq!(kind().await, Some(HandshakeKind::Resumed), "nothing was exchanged");
        let names = BTreeSet::from(["one.test".to_owned(), "two.test".to_owned()]);
        let other = server.authority.current_or_issue(&names, SystemTime::now()).unwrap();
        server.live.show(&other, None).unwrap();
        assert_eq!(kind().await, Some(HandshakeKind::Full));
    }
}

#[tokio::test]
async fn a_public_certificate_is_shown_for_its_names_and_the_boxs_own_for_all_others() {
    let server = Encrypted::new(LONG).await;
    let public = Public::new();
    let both = [server.authority.certificate_pem(), public.authority.certificate_pem()];
    let config = Arc::new(client(&both, BOTH));
    let own = seen(&connect(&server, &config, "one.test").await);
    let front = public.leaf("*.office.test");
    server.live.show(&leaf(&server.authority, "one.test"), Some(&front)).unwrap();
    assert_eq!(seen(&connect(&server, &config, "one.test").await), own);
    let shown = seen(&connect(&server, &config, "web.office.test").await);
    let (_, shown) = parse_x509_certificate(&shown).unwrap();
    let (_, theirs) = x509_parser::pem::parse_x509_pem(front.chain_pem.as_bytes()).unwrap();
    assert_eq!(shown.raw_serial(), theirs.parse_x509().unwrap().raw_serial());
    assert_eq!(server.live.details_for("web.office.test").unwrap().names, ["*.office.test".into()].into());
    assert_eq!(server.live.details_for("one.test").unwrap().names, ["one.test".into()].into());
    assert!(server.live.is_public_for("web.office.test") && !server.live.is_public_for("one.test"));
}

#[tokio::test]
async fn a_public_certificate_that_has_ended_is_not_shown() {
    let server = Encrypted::new(LONG).await;
    let mut params = CertificateParams::new(["one.test".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2020, 3, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let ended = params.self_signed(&key).unwrap();
    let ended = Leaf { chain_pem: ended.pem(), key_pem: key.serialize_pem() };
    server.live.show(&leaf(&server.authority, "one.test"), Some(&ended)).unwrap();
    assert!(server.connect("one.test", b"http/1.1").await.is_ok());
}

/// Looks at what is shown and trusts everybody, as an authority does that asks for a proof.
#[derive(Debug)]
struct Anybody(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[tokio::test]
async fn a_proof_over_tls_is_shown_to_those_who_ask_for_nothing_else() {
    let server = Encrypted::new(LONG).await;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let ask = async |protocols: &[&[u8]]| {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(BOTH)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(Arc::clone(&provider))))
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TcpStream::connect(server.address).await.unwrap();
        let name = ServerName::try_from("one.test").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    assert!(ask(&[b"acme-tls/1"]).await.is_err(), "there is no proof yet");
    server.live.challenges().answer_over_tls("One.test", &[7; 32]).unwrap();
    let mut proof = ask(&[b"acme-tls/1"]).await.unwrap();
    let shown = seen(&proof);
    let (_, shown) = parse_x509_certificate(&shown).unwrap();
    let expected = CustomExtension::new_acme_identifier(&[7; 32]);
    let extension = shown.extensions().iter().find(|e| e.oid.to_id_string() == "1.3.6.1.5.5.7.1.31").unwrap();
    assert!(extension.critical);
    assert_eq!(extension.value, expected.content());
    assert_eq!(read_all(&mut proof).await, "", "nothing follows a proof");
    let mut phone = ask(&[b"http/1.1", b"acme-tls/1"]).await.unwrap();
    phone.write_all(&request("GET", "/", "")).await.unwrap();
    assert!(read_all(&mut phone).await.ends_with("hello"));
    server.live.challenges().clear();
    assert!(ask(&[b"acme-tls/1"]).await.is_err());
}
