//! Peers from Debian's packages, each with the settings of its package but for what a comparison needs: one listener
//! on loopback, accounts in the band, no limits of rate.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::{line::Place, xmpp::DOMAIN};
use crate::appliance::free;

/// How long a peer may take to serve.
const PATIENCE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ejabberd,
    Prosody,
    Ntfy,
}

/// A peer that runs.
pub(crate) struct Peer {
    child: Child,
    pub(crate) place: Place,
    _dir: TempDir,
}

impl Peer {
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a peer that is installed below `root`; `None` where it is not.
pub(crate) async fn start(kind: Kind, root: &Path) -> Result<Option<Peer>> {
    let program = match kind {
        Kind::Ejabberd => "/usr/bin/erl",
        Kind::Prosody => "/usr/bin/prosody",
        Kind::Ntfy => "/usr/bin/ntfy",
    };
    let settings = Path::new("etc/ejabberd/ejabberd.yml");
    let is_there = root.join(program.trim_start_matches('/')).exists()
        && (kind != Kind::Ejabberd || root.join(settings).exists());
    if !is_there {
        println!("`{program}` is not installed below `{}`: it is left out.", root.display());
        return Ok(None);
    }
    let dir = tempfile::tempdir_in(root.join("tmp"))?;
    // As the peer sees it.
    let inside = Path::new("/").join(dir.path().strip_prefix(root)?);
    let inside = inside.to_str().context("the name of a directory is no text")?;
    let (chain, key) = credentials(&[DOMAIN])?;
    for (name, text) in [("leaf.crt", &chain), ("leaf.key", &key), ("leaf.pem", &format!("{chain}{key}"))] {
        fs::write(dir.path().join(name), text)?;
    }
    let address = free()?;
    let mut command = Command::new(if root == Path::new("/") { program } else { "chroot" });
    if root != Path::new("/") {
        command.arg(root).arg(program);
    }
    match kind {
        Kind::Ejabberd => ejabberd(&mut command, dir.path(), inside, address, &root.join(settings))?,
        Kind::Prosody => prosody(&mut command, dir.path(), inside, address)?,
        Kind::Ntfy => ntfy(&mut command, dir.path(), inside, address)?,
    }
    let log = fs::File::create(dir.path().join("output"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let child = command.spawn().with_context(|| format!("can not start `{program}`"))?;
    let mut peer = Peer { child, place: Place::new(address, DOMAIN, &chain)?, _dir: dir };
    let deadline = Instant::now() + PATIENCE;
    // Its port is open before it is ready.
    while peer.place.connect().await.is_err() {
        let ended = peer.child.try_wait()?;
        if ended.is_some() || Instant::now() > deadline {
            let output = fs::read_to_string(peer._dir.path().join("output")).unwrap_or_default();
            bail!("`{program}` does not serve: {output}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(Some(peer))
}

fn prosody(command: &mut Command, dir: &Path, inside: &str, address: SocketAddr) -> Result<()> {
    let (ip, port) = (address.ip(), address.port());
    let settings = format!(
        "run_as_root = true\npidfile = \"{inside}/pid\"\ndata_path = \"{inside}/data\"\n\
         modules_enabled = {{ \"disco\"; \"roster\"; \"saslauth\"; \"tls\"; \"blocklist\"; \"bookmarks\"; \"carbons\"; \
         \"dialback\"; \"limits\"; \"pep\"; \"private\"; \"smacks\"; \"vcard4\"; \"vcard_legacy\"; \"ping\"; \
         \"register\"; \"time\"; \"uptime\"; \"version\"; \"posix\" }}\n\
         modules_disabled = {{ \"s2s\" }}\nlimits = {{}}\nallow_registration = true\n\
         authentication = \"internal_hashed\"\nc2s_ports = {{}}\nc2s_direct_tls_ports = {{ {port} }}\n\
         c2s_direct_tls_interfaces = {{ \"{ip}\" }}\nnetwork_backend = \"epoll\"\nlog = {{ warn = \"{inside}/log\" }}\n\
         ssl = {{ certificate = \"{inside}/leaf.crt\"; key = \"{inside}/leaf.key\" }}\nVirtualHost \"{DOMAIN}\"\n"
    );
    fs::create_dir(dir.join("data"))?;
    fs::write(dir.join("prosody.cfg.lua"), settings)?;
    command.args(["--config", &format!("{inside}/prosody.cfg.lua"), "-F"]);
    Ok(())
}

/// A certificate of its own and the key. A server that watches over the end of it can not count to the year 4096, which
/// is usual for certificates made so.
pub(crate) fn credentials(names: &[&str]) -> Result<(String, String)> {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + now - DAY;
    params.not_after = params.not_before + 30 * DAY;
    let signing_key = KeyPair::generate()?;
    let certificate = params.self_signed(&signing_key)?;
    Ok((certificate.pem(), signing_key.serialize_pem()))
}

/// The modules of the package, but for those that limit registration, speak with other servers or need a directory of
/// their own.
fn ejabberd(
    command: &mut Command,
    dir: &Path,
    inside: &str,
    address: SocketAddr,
    package: &Path,
) -> Result<()> {
    const OTHERS: [&str; 12] = [
        "mod_announce",
        "mod_bosh",
        "mod_fail2ban",
        "mod_http_api",
        "mod_http_upload",
        "mod_mqtt",
        "mod_proxy65",
        "mod_register",
        "mod_s2s_bidi",
        "mod_s2s_dialback",
        "mod_sip",
        "mod_stun_disco",
    ];
    let package = fs::read_to_string(package)?;
    let section = package.lines().skip_while(|line| !line.starts_with("modules:")).skip(1);
    let mut modules = String::new();
    let mut is_kept = true;
    for line in section.take_while(|line| line.is_empty() || line.starts_with([' ', '#'])) {
        if let Some(name) = line.strip_prefix("  ").filter(|line| line.starts_with("mod_")) {
            is_kept = !OTHERS.contains(&name.split(':').next().unwrap_or_default());
        }
        if is_kept && !line.trim().is_empty() && !line.trim().starts_with('#') {
            modules.push_str(&format!("{line}\n"));
        }
    }
    let (ip, port) = (address.ip(), address.port());
    let settings = format!(
        "hosts: [{DOMAIN}]\nloglevel: error\ncertfiles: [\"{inside}/leaf.pem\"]\n\
         listen:\n  - {{ port: {port}, ip: \"{ip}\", module: ejabberd_c2s, access: all, tls: true, backlog: 1024 }}\n\
         registration_timeout: infinity\nacl: {{ local: {{ user_regexp: \"\" }}, admin: {{ user: [] }} }}\n\
         access_rules:\n  local: {{ allow: local }}\n  muc_create: {{ allow: local }}\n  \
         pubsub_createnode: {{ allow: local }}\n\
         shaper_rules: {{ max_user_sessions: 10, max_user_offline_messages: 100 }}\n\
         modules:\n{modules}  mod_register: {{ ip_access: all, access: all, captcha_protected: false }}\n"
    );
    fs::create_dir(dir.join("spool"))?;
    fs::write(dir.join("ejabberd.yml"), settings)?;
    let mnesia = format!("\"{inside}/spool\"");
    command.args(["-noinput", "+K", "true", "+P", "250000", "-mnesia", "dir", &mnesia, "-s", "ejabberd"]);
    let libraries = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let variables = [
        ("HOME", inside.to_owned()),
        ("ERL_LIBS", libraries),
        ("ERL_MAX_PORTS", "30000".to_owned()),
        ("EJABBERD_CONFIG_PATH", format!("{inside}/ejabberd.yml")),
        ("EJABBERD_LOG_PATH", format!("{inside}/ejabberd.log")),
    ];
    command.envs(variables);
    Ok(())
}

fn ntfy(command: &mut Command, dir: &Path, inside: &str, address: SocketAddr) -> Result<()> {
    let settings = format!(
        "base-url: \"https://{DOMAIN}\"\nlisten-http: \"-\"\nlisten-https: \"{address}\"\n\
         key-file: {inside}/leaf.key\ncert-file: {inside}/leaf.crt\ncache-file: {inside}/cache.db\n\
         cache-startup-queries: |\n  pragma journal_mode = WAL;\n  pragma synchronous = normal;\n\
         global-topic-limit: 100000\nvisitor-subscription-limit: 100000\nvisitor-request-limit-burst: 100000000\n\
         visitor-request-limit-replenish: \"1ms\"\nvisitor-message-daily-limit: 100000000\n\
         keepalive-interval: \"10m\"\nlog-level: error\nweb-root: disable\n"
    );
    fs::write(dir.join("server.yml"), settings)?;
    command.args(["serve", "-c", &format!("{inside}/server.yml")]);
    Ok(())
}
