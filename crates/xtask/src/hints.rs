//! What a person can try with the running box, ready to paste.

use std::path::Path;

use crate::{
    cargo,
    office::{DOMAIN, Office},
    places::Places,
    run::{DNS, PHONES_HTTPS},
};

/// Prints who can sign in, and what to type.
pub(crate) fn print(places: &Places, office: &Office, fulmarctl: &Path) {
    println!("\nThe box is ready. These people work at {DOMAIN}:\n");
    for person in &office.people {
        println!("  {:<20} {}", person.address, person.password);
    }
    println!("\nTo try in another terminal:\n\n  cd {}\n", cargo::workspace_root().display());
    print_dns();
    print_discovery(places, office);
    print_control(places, office, fulmarctl);
    println!("Log: {}. Warnings and pushes are shown here. Ctrl-C ends the box.\n", places.log().display());
}

fn print_dns() {
    println!("A name (dig is in the Debian package bind9-dnsutils):\n");
    println!("  dig @127.0.0.1 -p {DNS} lyncdiscoverinternal.{DOMAIN}");
    println!("  dig @127.0.0.1 -p {DNS} _sipinternaltls._tcp.{DOMAIN} SRV\n");
}

fn print_discovery(places: &Places, office: &Office) {
    let Some(person) = office.people.first() else { return };
    let curl = |host: &str| {
        let host = format!("{host}.{DOMAIN}:{PHONES_HTTPS}");
        let tls = format!("--cacert {} --resolve {host}:127.0.0.1", places.authority().display());
        (format!("curl {tls}"), format!("https://{host}"))
    };
    let (curl_root, root) = curl("lyncdiscoverinternal");
    let (curl_web, web) = curl("web");
    println!("A sign-in: where to, then a ticket:\n");
    println!("  {curl_root} '{root}/?sipuri={}'", person.address);
    println!(
        "  {curl_web} -d grant_type=password -d username={} -d password={} {web}/WebTicket/oauthtoken\n",
        person.address, person.password
    );
}

fn print_control(places: &Places, office: &Office, fulmarctl: &Path) {
    let control = format!("{} --socket {}", fulmarctl.display(), places.socket().display());
    let [one, other, ..] = office.people.as_slice() else { return };
    println!("A message, as two phones would send and receive it:\n");
    println!(
        "  {control} selftest p2p-im --dns 127.0.0.1:{DNS} --port {PHONES_HTTPS} --ca {} --as {} --password-file {} --with {} --with-password-file {}\n",
        places.authority().display(),
        one.address,
        one.password_file.display(),
        other.address,
        other.password_file.display(),
    );
    println!("The office:\n\n  {control} user list\n  {control} zone show\n  {control} session list\n");
}
