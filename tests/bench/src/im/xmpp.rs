//! Phones of XMPP (RFC 6120 and 6121): as much of it as a session with one resource and messages need, over TLS from
//! the first byte (XEP-0368). Accounts are made in the band (XEP-0077).

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use super::{Listener, PATIENCE, Service, Speaker, line::Place, peer::Peer};
use crate::appliance::PASSWORD;

/// What servers and their certificates are called.
pub(crate) const DOMAIN: &str = "example.org";

pub(crate) struct Server(pub(crate) Peer);

impl Service for Server {
    type Listener = Session;
    type Speaker = Talker;

    fn process(&self) -> u32 {
        self.0.process()
    }

    fn listener(&self, number: usize) -> impl Future<Output = Result<Session>> + Send + 'static {
        Session::begin(self.0.place.clone(), format!("phone{number}"))
    }

    async fn pair(&self, number: usize) -> Result<(Talker, Session)> {
        let place = &self.0.place;
        let (speaks, listens) = (format!("speaks{number}"), format!("listens{number}"));
        let listener = Session::begin(place.clone(), listens.clone()).await?;
        Ok((Talker { session: Session::begin(place.clone(), speaks).await?, to: listens }, listener))
    }
}

/// A session of an account that was made for it.
pub(crate) struct Session {
    stream: TlsStream<TcpStream>,
    read: String,
}

impl Session {
    async fn begin(place: Place, user: String) -> Result<Self> {
        let mut session = Self { stream: place.connect().await?, read: String::new() };
        session.open().await?;
        let register = format!(
            "<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>{user}</username>\
             <password>{PASSWORD}</password></query></iq>"
        );
        let registered = session.ask(&register, &["</iq>", "id='r'/>", "id=\"r\"/>"]).await?;
        ensure!(registered.contains("result"), "an account was not made: {registered}");
        let plain = STANDARD.encode(format!("\0{user}\0{PASSWORD}"));
        let auth = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>");
        let authenticated = session.ask(&auth, &["<success", "<failure"]).await?;
        ensure!(authenticated.contains("<success"), "nobody is signed in: {authenticated}");
        session.open().await?;
        let bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
             <resource>bench</resource></bind></iq>";
        session.ask(bind, &["</iq>"]).await?;
        session.write("<presence/>").await?;
        Ok(session)
    }

    async fn open(&mut self) -> Result<()> {
        let open = format!(
            "<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        );
        self.ask(&open, &["</stream:features>"]).await.map(drop)
    }

    async fn ask(&mut self, question: &str, ends: &[&str]) -> Result<String> {
        self.write(question).await?;
        timeout(PATIENCE, self.until(ends)).await.with_context(|| format!("no answer to `{question}`"))?
    }

    async fn write(&mut self, text: &str) -> Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        Ok(self.stream.flush().await?)
    }

    /// What comes until one of these has come.
    async fn until(&mut self, ends: &[&str]) -> Result<String> {
        let mut buffer = [0; 4096];
        loop {
            let end = ends.iter().filter_map(|end| self.read.find(end).map(|at| at + end.len())).min();
            if let Some(end) = end {
                return Ok(self.read.drain(..end).collect());
            }
            match self.stream.read(&mut buffer).await? {
                0 => bail!("the stream has ended after `{}`", self.read),
                // Everything here is ASCII.
                length => self.read.push_str(&String::from_utf8_lossy(&buffer[..length])),
            }
        }
    }
}

impl Listener for Session {
    async fn hear(&mut self) -> Result<String> {
        let message = self.until(&["</body>"]).await?;
        let text = message.trim_end_matches("</body>");
        Ok(text.rsplit_once('>').map_or(text, |(_, text)| text).to_owned())
    }
}

pub(crate) struct Talker {
    session: Session,
    to: String,
}

impl Speaker for Talker {
    async fn say(&mut self, text: &str) -> Result<()> {
        let to = &self.to;
        self.session
            .write(&format!("<message to='{to}@{DOMAIN}' type='chat'><body>{text}</body></message>"))
            .await
    }
}
