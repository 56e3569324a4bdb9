//! What a person can try with the running box, ready to paste.

use std::path::Path;

use crate::{
    cargo,
    office::{DOMAIN, Login, Office},
    places::Places,
    run::{CONSOLE, DNS, PHONES_HTTP, PHONES_HTTPS},
};

/// Prints who can sign in, and what to type.
pub(crate) fn print(places: &Places, office: &Office, fulmarctl: &Path) {
    println!("\nThe box is ready. These people work at {DOMAIN}:\n");
    for person in &office.people {
        println!("  {:<20} {}", person.name, person.password);
    }
    println!("\nTo try in another terminal:\n\n  cd {}\n", cargo::workspace_root().display());
    let [one, other, ..] = office.people.as_slice() else { return };
    print_name();
    print_sign_in(places, one);
    print_control(places, fulmarctl, one, other);
    let Login { name, password, .. } = &office.administrator;
    println!("The console: https://127.0.0.1:{CONSOLE}/ as {name}, password {password}");
    println!("A page for phones that do not trust the box yet: http://127.0.0.1:{PHONES_HTTP}/trust\n");
    println!("Log: {}. Warnings and pushes are shown here. Ctrl-C ends the box.\n", places.log().display());
}

fn print_name() {
    println!("A name (dig is in the Debian package bind9-dnsutils):\n");
    println!("  dig @127.0.0.1 -p {DNS} lyncdiscoverinternal.{DOMAIN}");
    println!("  dig @127.0.0.1 -p {DNS} _sipinternaltls._tcp.{DOMAIN} SRV\n");
}

/// The requests of a phone: where to go, that it needs a ticket, a ticket, and what is there for its owner.
fn print_sign_in(places: &Places, person: &Login) {
    let curl = |host: &str| {
        let host = format!("{host}.{DOMAIN}:{PHONES_HTTPS}");
        let tls = format!("--cacert {} --resolve {host}:127.0.0.1", places.authority().display());
        (format!("curl --silent {tls}"), format!("https://{host}"))
    };
    let (discover, root) = curl("lyncdiscoverinternal");
    let (web, origin) = curl("web");
    let user = format!("{origin}/Autodiscover/AutodiscoverService.svc/root/user");
    let Login { name, password, .. } = person;
    println!("A sign-in: where to go, 401 with the place of tickets, a ticket, the User document:\n");
    println!("  {discover} '{root}/?sipuri={name}'; echo");
    println!("  {web} --include {user}");
    println!("  T=$({web} -d grant_type=password -d username={name} -d password={password} \\");
    println!("    {origin}/WebTicket/oauthtoken | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')");
    println!("  {web} --header \"X-MS-WebTicket: $T\" {user}; echo\n");
}

fn print_control(places: &Places, fulmarctl: &Path, one: &Login, other: &Login) {
    let program = fulmarctl.display();
    let control = format!("{program} --socket {}", places.socket().display());
    let ca = places.authority();
    let network = format!("--dns 127.0.0.1:{DNS} --port {PHONES_HTTPS} --ca {}", ca.display());
    let own = format!("--as {} --password-file {}", one.name, one.password_file.display());
    let with = format!("--with {} --with-password-file {}", other.name, other.password_file.display());
    println!("A message, as two phones would send and receive it; a phone that is woken:\n");
    println!("  {program} selftest discovery {network} {own}");
    println!("  {program} selftest p2p-im {network} {own} {with}");
    println!("  {program} selftest push {network} {own}");
    let subscription = places.web_push_subscription();
    println!("  {program} selftest push {network} {own} --subscription {}\n", subscription.display());
    println!("A chat, in two terminals:\n");
    println!("  {program} chat {network} {own} --with {}", other.name);
    println!(
        "  {program} chat {network} --as {} --password-file {}\n",
        other.name,
        other.password_file.display()
    );
    println!("The office:\n\n  {control} user list\n  {control} zone show\n  {control} session list\n");
}
