//! Whatever an office is asked to be: its zones, the names of its certificate, its documents and what is entered
//! at a provider say the same.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use fulmar_app::{App, ChangeOfficeError, Clock};
use fulmar_domain::{
    DnsName, HttpsUrl, Office, Timestamp,
    office::{Mode, OfficeIntent, Ports, Side},
    zone::{Generation, Record, RecordData},
};
use fulmar_http::PeerAddr;
use fulmar_mobility::{plain_router, router};
use fulmar_store::Store;
use fulmar_wire::{
    autodiscover::{self, AccessLocation, Document, SipAccess},
    challenge::TICKET_HEADER,
};
use proptest::{
    collection::btree_set,
    prelude::*,
    sample::select,
    test_runner::{Config, TestCaseError, TestRunner},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const HOME: &str = "office.test";
const PASSWORD: &str = "correct horse";

/// An office with one person in it who has a ticket.
struct Fixture {
    app: App,
    phones: Router,
    plain: Router,
    ticket: String,
    _dir: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::from_fn(|| Timestamp::from_millis(1_700_000_000_000));
        let app = App::new(Store::open(dir.path()).unwrap(), clock);
        let inside: IpAddr = "192.168.1.2".parse().unwrap();
        let intent = OfficeIntent::office_only(vec![HOME.parse().unwrap()], BTreeSet::from([inside]));
        app.change_office(intent).await.unwrap();
        app.add_person("anna@office.test".parse().unwrap(), "Anna".parse().unwrap(), PASSWORD.into())
            .await
            .unwrap();
        let signed_in = app.sign_in("anna@office.test", PASSWORD.into(), inside).await;
        let ticket = format!("cwt={}", signed_in.map_err(drop).unwrap().ticket);
        let phones = router(app.clone(), CancellationToken::new());
        Self { plain: plain_router(app.clone()), app, phones, ticket, _dir: dir }
    }

    async fn document(&self, router: &Router, host: &DnsName, path: &str, peer: IpAddr) -> Document {
        let request = Request::get(path)
            .header(header::HOST, host.as_str())
            .header(TICKET_HEADER, &self.ticket)
            .extension(PeerAddr(SocketAddr::new(peer, 40_000)))
            .body(Body::empty())
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{host}{path}");
        let content_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        Document::parse(&content_type, &to_bytes(response.into_body(), 1 << 16).await.unwrap()).unwrap()
    }

    /// All documents that somebody at `peer` gets who asks `host`.
    async fn documents(&self, host: &DnsName, peer: IpAddr) -> [Document; 4] {
        [
            self.document(&self.plain, host, autodiscover::ROOT_PATH, peer).await,
            self.document(&self.phones, host, autodiscover::ROOT_PATH, peer).await,
            self.document(&self.phones, host, autodiscover::DOMAIN_PATH, peer).await,
            self.document(&self.phones, host, autodiscover::USER_PATH, peer).await,
        ]
    }
}

fn name() -> impl Strategy<Value = DnsName> {
    "[a-c]{1,2}(\\.[a-c])?\\.test".prop_map(|text| text.parse().unwrap())
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|v4| IpAddr::V4(v4.into())),
        any::<u128>().prop_map(|v6| IpAddr::V6(v6.into()))
    ]
}

/// Offices of all kinds, a few that can not be among them. The domain of the one person is always in it.
fn intents() -> impl Strategy<Value = OfficeIntent> {
    let domains = (btree_set(name(), 0..3), 0_usize..3).prop_map(|(others, at)| {
        let mut domains: Vec<DnsName> = others.into_iter().collect();
        domains.insert(at.min(domains.len()), HOME.parse().unwrap());
        domains
    });
    let networks = select(vec!["192.168.0.0/16", "198.51.100.0/24", "2001:db8::/32"]);
    let ports = (prop_oneof![Just(443_u16), 1..=u16::MAX], 1..=u16::MAX);
    let (inside, outside) = (btree_set(address(), 1..3), btree_set(address(), 1..3));
    (domains, inside, outside, select(&Mode::ALL[..]), "[a-z]{1,8}", networks, ports).prop_map(
        |(domains, inside, outside, mode, web, network, (https, sip))| OfficeIntent {
            outside: if mode == Mode::OfficeOnly { BTreeSet::new() } else { outside },
            mode,
            web_host: web.parse().unwrap_or_default(),
            networks: [network.parse().unwrap()].into_iter().collect(),
            ports: Ports { https, sip },
            ..OfficeIntent::office_only(domains, inside)
        },
    )
}

/// What DNS says on one side: by the box, or by the provider who entered what the box said.
struct Told(Vec<Record>);

impl Told {
    fn on(office: &Office, side: Side) -> Self {
        if (office.mode(), side) == (Mode::RecordsAtProvider, Side::Outside) {
            return Self(office.records_at_provider());
        }
        Self(office.zones(side, Generation(1)).into_iter().flat_map(|zone| zone.records).collect())
    }

    fn addresses(&self) -> BTreeMap<&DnsName, BTreeSet<IpAddr>> {
        let mut hosts = BTreeMap::<_, BTreeSet<_>>::new();
        for record in &self.0 {
            let address = match record.data {
                RecordData::A(v4) => IpAddr::V4(v4),
                RecordData::Aaaa(v6) => IpAddr::V6(v6),
                _ => continue,
            };
            hosts.entry(&record.owner).or_default().insert(address);
        }
        hosts
    }

    /// Host and port of the desks' service in `domain`.
    fn registrars(&self, domain: &DnsName) -> BTreeSet<(String, u16)> {
        let of_domain = self.0.iter().filter(|record| record.owner.is_within(domain));
        let registrar = |record: &Record| match &record.data {
            RecordData::Srv { port, target, .. } => Some((target.to_string(), *port)),
            _ => None,
        };
        of_domain.filter_map(registrar).collect()
    }
}

fn names_and_addresses_agree(office: &Office) -> Result<(), TestCaseError> {
    let mut told_at_all = BTreeSet::new();
    for side in Side::ALL {
        let told = Told::on(office, side);
        let hosts = told.addresses();
        let names: BTreeSet<DnsName> = hosts.keys().map(|&host| host.clone()).collect();
        prop_assert_eq!(&names, &office.host_names(side));
        prop_assert!(hosts.values().all(|addresses| addresses == office.addresses(side)));
        told_at_all.extend(names);
    }
    prop_assert_eq!(told_at_all, office.certificate_names());
    Ok(())
}

/// What is entered at a provider is what the outside is told; a delegation leads to where the zone itself says
/// that its name server is.
fn the_provider_agrees(office: &Office) -> Result<(), TestCaseError> {
    let entered = office.records_at_provider();
    let outside = Told::on(office, Side::Outside);
    prop_assert_eq!(entered.is_empty(), office.mode() == Mode::OfficeOnly);
    for record in &entered {
        prop_assert!(outside.0.iter().any(|told| told.owner == record.owner && told.data == record.data));
    }
    if office.mode() != Mode::Delegated {
        return Ok(());
    }
    let servers: Vec<_> = entered
        .iter()
        .filter_map(|record| match &record.data {
            RecordData::Ns(server) => Some((&record.owner, server)),
            _ => None,
        })
        .collect();
    prop_assert!(servers.iter().map(|(domain, _)| *domain).eq(office.domains()));
    let glue = Told(entered.clone());
    let glue = glue.addresses();
    for (_, server) in servers {
        prop_assert_eq!(glue.get(server), Some(office.addresses(Side::Outside)));
    }
    Ok(())
}

fn the_document_agrees(office: &Office, document: &Document, side: Side) -> Result<(), TestCaseError> {
    let location = match side {
        Side::Inside => AccessLocation::Internal,
        Side::Outside => AccessLocation::External,
    };
    prop_assert_eq!(document.access_location, location);
    let (autodiscover::Body::Root { links }
    | autodiscover::Body::Domain { links }
    | autodiscover::Body::User { links, .. }
    | autodiscover::Body::UserElsewhere { links }) = &document.body;
    prop_assert!(!links.is_empty());
    let is_told = |side| (office.mode(), side) != (Mode::OfficeOnly, Side::Outside);
    for link in links {
        let url: HttpsUrl = link.href.parse().map_err(|error| TestCaseError::fail(format!("{error}")))?;
        prop_assert!(office.certificate_names().contains(url.host()));
        let origin = format!("{}/", office.origin_at(url.host()));
        prop_assert!(link.href.starts_with(&origin), "{} does not begin with {origin}", link.href);
        prop_assert_eq!(Told::on(office, side).addresses().contains_key(url.host()), is_told(side));
    }
    let autodiscover::Body::User { sip_internal, sip_external, .. } = &document.body else { return Ok(()) };
    let home = HOME.parse().unwrap();
    for (side, SipAccess { fqdn, port }) in [(Side::Inside, sip_internal), (Side::Outside, sip_external)] {
        let named = is_told(side).then(|| (fqdn.clone(), *port));
        prop_assert_eq!(Told::on(office, side).registrars(&home), named.into_iter().collect());
    }
    Ok(())
}

async fn agrees(fixture: &Fixture, intent: OfficeIntent, peer: IpAddr) -> Result<(), TestCaseError> {
    match fixture.app.change_office(intent).await {
        Err(ChangeOfficeError::Invalid(refused)) => return Err(TestCaseError::reject(refused.to_string())),
        changed => drop(changed.unwrap()),
    }
    let (office, _) = fixture.app.store().office().await.unwrap().unwrap();
    names_and_addresses_agree(&office)?;
    the_provider_agrees(&office)?;
    for domain in office.domains() {
        for document in fixture.documents(&office.hosts(domain).discover, peer).await {
            the_document_agrees(&office, &document, office.side_of(peer))?;
        }
    }
    Ok(())
}

#[test]
fn no_intent_can_make_the_parts_disagree() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fixture = runtime.block_on(Fixture::new());
    let peers = ["192.168.1.9", "198.51.100.9", "203.0.113.9", "2001:db8::9"];
    let peers = select(peers.map(|peer| peer.parse::<IpAddr>().unwrap()).to_vec());
    let mut runner = TestRunner::new(Config { cases: 128, ..Config::default() });
    runner
        .run(&(intents(), peers), |(intent, peer)| runtime.block_on(agrees(&fixture, intent, peer)))
        .unwrap();
}
