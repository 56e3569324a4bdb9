//! What no sender surpasses: a client of HTTP/2 that keeps nothing, and the cryptography of Web Push.

use std::{
    ffi::OsString,
    net::Ipv4Addr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::ValueEnum;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Salt},
    rand::{SecureRandom, SystemRandom},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::TlsConnector;

use super::{Kind, Turn, process::Program, service::say};

/// How many requests wait for their answers at a time.
pub(super) const IN_FLIGHT: usize = 256;
/// What Web Push pads a short text to, and what header and tag add.
const PADDED: usize = 512;
const SEALED: usize = PADDED + 102;

/// What the client is started with.
pub(super) fn client(dir: &Path, port: u16, kind: Kind, pushes: usize) -> Vec<OsString> {
    let kind = kind.to_possible_value().map(|kind| kind.get_name().to_owned()).unwrap_or_default();
    let arguments = [port.to_string(), kind, pushes.to_string()].map(OsString::from);
    [&["part".into(), "client".into(), dir.into()], &arguments[..]].concat()
}

/// It says how long it took, and waits to be ended.
pub(super) async fn turn(program: &mut Program, pushes: usize) -> Result<Turn> {
    let seconds = program.line().await?.parse()?;
    let usage = program.usage()?;
    Ok(Turn { pushes: pushes as f64, seconds, cpu: usage.cpu, mib: usage.mib })
}

/// Says how long it takes to send so many over one connection.
pub(super) async fn send(dir: &Path, port: u16, kind: Kind, pushes: usize) -> Result<()> {
    let sender = connect(dir, port).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut sending = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (mut sender, next) = (sender.clone(), Arc::clone(&next));
        sending.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= pushes {
                    return anyhow::Ok(());
                }
                sender.ready().await?;
                let response = sender.send_request(request(kind, port, number)?).await?;
                ensure!(response.status().is_success(), "a push was answered with {}", response.status());
                response.into_body().collect().await?;
            }
        });
    }
    while let Some(ended) = sending.join_next().await {
        ended??;
    }
    finish(begun)
}

async fn connect(dir: &Path, port: u16) -> Result<SendRequest<Full<Bytes>>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(dir.join("leaf.crt"))?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    let stream =
        TlsConnector::from(Arc::new(tls)).connect(ServerName::try_from("localhost")?, stream).await?;
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    // Its end is seen by whoever sends next.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

/// As long as those of the box.
fn request(kind: Kind, port: u16, number: usize) -> Result<Request<Full<Bytes>>> {
    let authorization = format!("bearer {}", "j".repeat(190));
    let (request, body) = match kind {
        Kind::Apple => {
            let request = Request::post(format!("https://localhost:{port}/3/device/{number:064x}"))
                .header("apns-topic", "org.example.fulmar")
                .header("apns-push-type", "alert")
                .header("apns-priority", "10")
                .header("apns-expiration", "1900000000")
                .header("apns-id", "00000000-0000-4000-8000-000000000000")
                .header("apns-collapse-id", format!("message-{number}"));
            (request, 100)
        }
        Kind::Web => {
            let request = Request::post(format!("https://localhost:{port}/push/{number}"))
                .header("content-encoding", "aes128gcm")
                .header("content-type", "application/octet-stream")
                .header("ttl", "1000000")
                .header("urgency", "high")
                .header("topic", format!("message-{number}"));
            (request, SEALED)
        }
    };
    Ok(request.header("authorization", authorization).body(Full::from(vec![b'm'; body]))?)
}

/// Says how long it takes to encrypt so many (RFC 8291, RFC 8188), each with a key of its own. The token that says who
/// pushes is kept.
pub(super) fn encrypt(messages: usize) -> Result<()> {
    let random = SystemRandom::new();
    let subscriber = EphemeralPrivateKey::generate(&ECDH_P256, &random);
    let subscriber = subscriber.and_then(|key| key.compute_public_key());
    let subscriber = subscriber.map_err(|Unspecified| anyhow::anyhow!("no random numbers"))?;
    let begun = Instant::now();
    for _ in 0..messages {
        let sealed =
            seal(subscriber.as_ref(), &random).map_err(|Unspecified| anyhow::anyhow!("not sealed"))?;
        std::hint::black_box(sealed);
    }
    finish(begun)
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn seal(subscriber: &[u8], random: &SystemRandom) -> Result<Vec<u8>, Unspecified> {
    let expand = |salt: &[u8], secret: &[u8], info: &[&[u8]], to: &mut [u8]| {
        let shared = Salt::new(HKDF_SHA256, salt).extract(secret);
        shared.expand(info, Length(to.len()))?.fill(to)
    };
    let mut salt = [0; 16];
    random.fill(&mut salt)?;
    let private = EphemeralPrivateKey::generate(&ECDH_P256, random)?;
    let public = private.compute_public_key()?;
    agree_ephemeral(private, &UnparsedPublicKey::new(&ECDH_P256, subscriber), |secret| {
        let (mut keying, mut key, mut nonce) = ([0; 32], [0; 16], [0; 12]);
        expand(&[7; 16], secret, &[b"WebPush: info\0", subscriber, public.as_ref()], &mut keying)?;
        expand(&salt, &keying, &[b"Content-Encoding: aes128gcm\0"], &mut key)?;
        expand(&salt, &keying, &[b"Content-Encoding: nonce\0"], &mut nonce)?;
        let mut record = vec![b'm'; PADDED];
        LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?).seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::empty(),
            &mut record,
        )?;
        Ok(record)
    })?
}

fn finish(begun: Instant) -> Result<()> {
    say(&begun.elapsed().as_secs_f64().to_string())?;
    std::io::stdin().read_line(&mut String::new()).context("nobody listens")?;
    Ok(())
}
