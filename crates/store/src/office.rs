//! The intent of the office.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use fulmar_domain::{
    DnsName, HttpsUrl, Office, Timestamp,
    office::{Networks, OfficeIntent, Ports, Side},
    zone::Generation,
};
use rusqlite::{Connection, params, types::Type};

use crate::{
    Store, StoreError,
    rows::{found, parsed, timestamp},
    writer::Tx,
};

/// What came of a change of the office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfficeChange {
    /// It is committed; zones and documents follow.
    Done(Generation),
    /// People have addresses in a SIP domain that would vanish; nothing was changed.
    PeopleInDomain(DnsName),
    /// People are at home at a host that would be this box; nothing was changed.
    PeopleHomedAt(DnsName),
}

impl Store {
    /// The office and the generation of its last change; `None` before it is set up.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn office(&self) -> Result<Option<(Office, Generation)>, StoreError> {
        self.read("read the office", read).await
    }

    /// Replaces the office. The time at which it was set up stays that of the first call.
    ///
    /// # Errors
    /// When it could not be committed; nothing was changed.
    pub async fn set_office(&self, office: Office) -> Result<OfficeChange, StoreError> {
        self.change("set the office", move |tx| write(tx, &office)).await
    }
}

pub(crate) fn generation(sql: &Connection) -> rusqlite::Result<Option<u64>> {
    found(sql.query_row("SELECT generation FROM office", [], |row| row.get(0)))
}

pub(crate) fn read(sql: &Connection) -> rusqlite::Result<Option<(Office, Generation)>> {
    let select = "SELECT generation, set_up_at, https_port, sip_port, mode, web_host FROM office";
    let head = sql.query_row(select, [], |row| {
        let ports = Ports { https: row.get(2)?, sip: row.get(3)? };
        let intent = OfficeIntent {
            domains: domains(sql)?,
            inside: addresses(sql, Side::Inside)?,
            outside: addresses(sql, Side::Outside)?,
            mode: parsed(row, 4)?,
            web_host: parsed(row, 5)?,
            networks: networks(sql)?,
            resolvers: resolvers(sql)?,
            ports,
        };
        Ok((intent, timestamp(row, 1)?, Generation(row.get(0)?)))
    });
    let Some((intent, set_up_at, generation)) = found(head)? else { return Ok(None) };
    Ok(Some((valid(intent, set_up_at)?, generation)))
}

/// What was valid when it was written is not when the database was damaged.
fn valid(intent: OfficeIntent, set_up_at: Timestamp) -> rusqlite::Result<Office> {
    Office::new(intent, set_up_at)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Null, Box::new(error)))
}

fn domains(sql: &Connection) -> rusqlite::Result<Vec<DnsName>> {
    sql.prepare_cached("SELECT name FROM sip_domain ORDER BY position")?
        .query_map([], |row| parsed(row, 0))?
        .collect()
}

fn domains_in_use(sql: &Connection) -> rusqlite::Result<Vec<DnsName>> {
    sql.prepare("SELECT DISTINCT domain FROM account")?.query_map([], |row| parsed(row, 0))?.collect()
}

fn homes(sql: &Connection) -> rusqlite::Result<Vec<HttpsUrl>> {
    sql.prepare("SELECT DISTINCT homed_at FROM account WHERE homed_at IS NOT NULL")?
        .query_map([], |row| parsed(row, 0))?
        .collect()
}

fn addresses(sql: &Connection, side: Side) -> rusqlite::Result<BTreeSet<IpAddr>> {
    sql.prepare_cached("SELECT address FROM office_address WHERE side = ?1")?
        .query_map([side.as_str()], |row| parsed(row, 0))?
        .collect()
}

fn networks(sql: &Connection) -> rusqlite::Result<Networks> {
    sql.prepare_cached("SELECT network FROM inside_network")?.query_map([], |row| parsed(row, 0))?.collect()
}

fn resolvers(sql: &Connection) -> rusqlite::Result<Vec<SocketAddr>> {
    sql.prepare_cached("SELECT address FROM resolver ORDER BY position")?
        .query_map([], |row| parsed(row, 0))?
        .collect()
}

fn write(tx: &mut Tx<'_>, office: &Office) -> rusqlite::Result<OfficeChange> {
    if let Some(domain) = domains_in_use(tx.sql)?.into_iter().find(|used| !office.domains().contains(used)) {
        return Ok(OfficeChange::PeopleInDomain(domain));
    }
    let names = office.certificate_names();
    if let Some(home) = homes(tx.sql)?.into_iter().find(|home| names.contains(home.host())) {
        return Ok(OfficeChange::PeopleHomedAt(home.host().clone()));
    }
    write_lists(tx.sql, office)?;
    let OfficeIntent { mode, web_host, ports, .. } = office.intent();
    let generation = tx.sql.query_row(
        "INSERT INTO office (id, generation, set_up_at, https_port, sip_port, mode, web_host)
         VALUES (1, 1, ?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET generation = generation + 1,
             https_port = excluded.https_port, sip_port = excluded.sip_port,
             mode = excluded.mode, web_host = excluded.web_host
         RETURNING generation",
        params![office.set_up_at().as_millis(), ports.https, ports.sip, mode.as_str(), web_host.as_str()],
        |row| row.get(0),
    )?;
    tx.touched.office = true;
    Ok(OfficeChange::Done(Generation(generation)))
}

fn write_lists(sql: &Connection, office: &Office) -> rusqlite::Result<()> {
    sql.execute_batch(
        "DELETE FROM sip_domain; DELETE FROM office_address; DELETE FROM inside_network; DELETE FROM resolver",
    )?;
    for domain in office.domains() {
        sql.execute("INSERT INTO sip_domain (name) VALUES (?1)", [domain.as_str()])?;
    }
    for side in Side::ALL {
        for address in office.addresses(side) {
            let insert = "INSERT INTO office_address (side, address) VALUES (?1, ?2)";
            sql.execute(insert, params![side.as_str(), address.to_string()])?;
        }
    }
    for network in office.networks().iter() {
        sql.execute("INSERT INTO inside_network (network) VALUES (?1)", [network.to_string()])?;
    }
    for resolver in office.resolvers() {
        sql.execute("INSERT INTO resolver (address) VALUES (?1)", [resolver.to_string()])?;
    }
    Ok(())
}
