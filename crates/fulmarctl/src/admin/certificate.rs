//! The certificate that the box shows.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::Client;

const PATH: &str = "/api/v1/certificate";

/// Commands about the certificate.
#[derive(Subcommand)]
pub enum CertificateCommand {
    /// Says what is shown for which name, and how the next one comes.
    Show,
    /// The box's own authority: what phones install to trust it.
    Ca {
        /// Print its certificate instead, PEM.
        #[arg(long)]
        pem: bool,
    },
    /// Looks at a certificate and says what is wrong with it; nothing is kept.
    Preview(Files),
    /// Keeps a certificate and shows it from the next connection on; nothing open is dropped.
    Upload {
        /// Which ones.
        #[command(flatten)]
        files: Files,
        /// Keep it although it does not cover every name of the office: phones see the box's own for those.
        #[arg(long)]
        accept_missing: bool,
    },
    /// Chooses which certificate is shown: `own`, `uploaded` or `acme`.
    Use {
        /// `own`, `uploaded` or `acme`.
        source: String,
    },
    /// A public authority that issues the certificate and renews it (RFC 8555).
    #[command(subcommand)]
    Acme(AcmeCommand),
}

/// A certificate and its key.
#[derive(Args)]
pub struct Files {
    /// The certificate and those that vouch for it, PEM.
    #[arg(long)]
    chain: PathBuf,
    /// Its key, PEM, without a password.
    #[arg(long)]
    key: PathBuf,
}

/// Commands about a public authority.
#[derive(Subcommand)]
pub enum AcmeCommand {
    /// Chooses one and orders a certificate; until it comes, what there is is shown on.
    On {
        /// The https URL of its directory.
        #[arg(long)]
        directory: String,
        /// The mailbox to which it writes when something is wrong.
        #[arg(long)]
        contact: String,
        /// Certificates to trust in place of the public authorities when the directory is asked, PEM.
        #[arg(long)]
        ca: Option<PathBuf>,
        /// `dns-01`, `http-01` or `tls-alpn-01`; by default what the office's mode makes possible.
        #[arg(long)]
        challenge: Option<String>,
        /// You have read the terms of the authority and agree with them.
        #[arg(long)]
        agree_tos: bool,
    },
    /// Forgets it with its certificate; the box's own is shown.
    Off,
    /// Orders a new certificate at once.
    Renew,
}

/// Carries a command out.
///
/// # Errors
/// When a file can not be read, or the box refuses or can not be asked.
pub async fn run(client: &Client, command: CertificateCommand, out: &mut impl Write) -> Result<()> {
    match command {
        CertificateCommand::Show => show(&client.get(PATH).await?, out),
        CertificateCommand::Ca { pem } => authority(&client.get(PATH).await?, pem, out),
        CertificateCommand::Preview(files) => {
            let body = files.read(false)?;
            preview(&client.change(Method::POST, &format!("{PATH}/preview"), &body).await?, out)
        }
        CertificateCommand::Upload { files, accept_missing } => {
            preview(&client.change(Method::PUT, PATH, &files.read(accept_missing)?).await?, out)?;
            writeln!(out, "It is shown from the next connection on. Back: `fulmarctl certificate use own`.")?;
            Ok(())
        }
        CertificateCommand::Use { source } => {
            client.change(Method::PUT, &format!("{PATH}/source"), &json!({ "source": source })).await?;
            writeln!(out, "Shown from the next connection on: {source}.")?;
            Ok(())
        }
        CertificateCommand::Acme(command) => acme(client, command, out).await,
    }
}

async fn acme(client: &Client, command: AcmeCommand, out: &mut impl Write) -> Result<()> {
    let path = format!("{PATH}/acme");
    match command {
        AcmeCommand::On { directory, contact, ca, challenge, agree_tos } => {
            let body = json!({
                "directory": directory,
                "contact": contact,
                "trust_anchors_pem": ca.as_deref().map(read).transpose()?,
                "challenge": challenge,
                "agree_to_terms": agree_tos,
            });
            let asked = client.change(Method::PUT, &path, &body).await;
            let how = if agree_tos { "" } else { " (agree with its terms with `--agree-tos`)" };
            asked.with_context(|| format!("no authority was chosen{how}"))?;
            writeln!(out, "A certificate is ordered. `fulmarctl certificate show` says how it goes.")?;
        }
        AcmeCommand::Off => {
            client.change(Method::DELETE, &path, &Value::Null).await?;
            writeln!(out, "The authority is forgotten; the box's own certificate is shown.")?;
        }
        AcmeCommand::Renew => {
            client.change(Method::POST, &format!("{path}/renewal"), &Value::Null).await?;
            writeln!(out, "A new certificate is ordered. `fulmarctl certificate show` says how it goes.")?;
        }
    }
    Ok(())
}

impl Files {
    fn read(&self, accept_missing: bool) -> Result<Value> {
        Ok(json!({
            "chain_pem": read(&self.chain)?,
            "key_pem": read(&self.key)?,
            "accept_missing": accept_missing,
        }))
    }
}

fn show(state: &Value, out: &mut impl Write) -> Result<()> {
    writeln!(out, "source  {}", text(&state["source"]))?;
    for shown in list(&state["shown"]) {
        let (name, issuer) = (text(&shown["name"]), text(&shown["issuer"]));
        writeln!(out, "{name:<40}  until {}  by {issuer}", date(&shown["not_after"]))?;
    }
    let acme = &state["acme"];
    if acme.is_null() {
        return Ok(());
    }
    writeln!(out, "authority  {}", text(&acme["directory"]))?;
    if let Some(hindrance) = acme["hindrance"].as_str() {
        writeln!(out, "  nobody is asked: {hindrance}")?;
    }
    if acme["ordering"] == true {
        writeln!(out, "  an order is being carried out, with {}", text(&acme["challenge"]))?;
    }
    if let Some(problem) = acme["problem"]["text"].as_str() {
        let at = date(&acme["problem"]["at"]);
        writeln!(out, "  failed {} times, last at {at}: {problem}", acme["failures"])?;
        writeln!(out, "  It is tried again by itself; at once with `fulmarctl certificate acme renew`.")?;
    }
    Ok(())
}

fn authority(state: &Value, pem: bool, out: &mut impl Write) -> Result<()> {
    let authority = &state["authority"];
    if pem {
        write!(out, "{}", text(&authority["certificate_pem"]))?;
        return Ok(());
    }
    writeln!(out, "SHA-256 {}", text(&authority["fingerprint"]))?;
    match authority["page"].as_str() {
        Some(page) => {
            writeln!(out, "What to do on each phone: {page}")?;
            let plain = text(&authority["page_without_tls"]);
            writeln!(out, "The same without TLS, for a phone that trusts nobody yet: {plain}")?;
        }
        None => writeln!(out, "The office is not set up; begin with `fulmarctl office set --help`.")?,
    }
    writeln!(out, "On the box it lies as `tls/ca.pem` in the directory of its state.")?;
    Ok(())
}

fn preview(found: &Value, out: &mut impl Write) -> Result<()> {
    let certificate = &found["certificate"];
    if !certificate.is_null() {
        writeln!(out, "for          {}", text(&certificate["subject"]))?;
        writeln!(out, "by           {}", text(&certificate["issuer"]))?;
        let (from, until) = (date(&certificate["not_before"]), date(&certificate["not_after"]));
        writeln!(out, "valid        {from} to {until}")?;
        writeln!(out, "key          {}", text(&certificate["key"]))?;
    }
    for what in ["covered", "missing", "superfluous"] {
        for name in list(&found[what]) {
            writeln!(out, "{what:<11}  {}", text(name))?;
        }
    }
    for finding in list(&found["findings"]) {
        let (severity, what) = (text(&finding["severity"]), text(&finding["finding"]));
        writeln!(out, "{severity}: {what}. {}", text(&finding["advice"]))?;
    }
    writeln!(out, "{}", if found["usable"] == true { "It can be used." } else { "It can not be used." })?;
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn date(value: &Value) -> String {
    value.as_i64().map_or_else(|| "-".to_owned(), fulmar_wire::date::write)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("can not read `{}`", path.display()))
}
