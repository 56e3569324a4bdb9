//! The intent of the office.

use std::{collections::BTreeSet, net::IpAddr};

use fulmar_domain::{
    DnsName, Office,
    office::{Ports, Side},
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

fn read(sql: &Connection) -> rusqlite::Result<Option<(Office, Generation)>> {
    let head = sql.query_row("SELECT generation, set_up_at, https_port, sip_port FROM office", [], |row| {
        Ok((Generation(row.get(0)?), timestamp(row, 1)?, Ports { https: row.get(2)?, sip: row.get(3)? }))
    });
    let Some((generation, set_up_at, ports)) = found(head)? else {
        return Ok(None);
    };
    let (inside, outside) = (addresses(sql, Side::Inside)?, addresses(sql, Side::Outside)?);
    let office = Office::new(domains(sql)?, inside, outside, ports, set_up_at)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Null, Box::new(error)))?;
    Ok(Some((office, generation)))
}

fn domains(sql: &Connection) -> rusqlite::Result<Vec<DnsName>> {
    sql.prepare_cached("SELECT name FROM sip_domain ORDER BY position")?
        .query_map([], |row| parsed(row, 0))?
        .collect()
}

fn domains_in_use(sql: &Connection) -> rusqlite::Result<Vec<DnsName>> {
    sql.prepare("SELECT DISTINCT domain FROM account")?.query_map([], |row| parsed(row, 0))?.collect()
}

fn addresses(sql: &Connection, side: Side) -> rusqlite::Result<BTreeSet<IpAddr>> {
    sql.prepare_cached("SELECT address FROM office_address WHERE side = ?1")?
        .query_map([name(side)], |row| parsed(row, 0))?
        .collect()
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Inside => "inside",
        Side::Outside => "outside",
    }
}

fn write(tx: &mut Tx<'_>, office: &Office) -> rusqlite::Result<OfficeChange> {
    if let Some(domain) = domains_in_use(tx.sql)?.into_iter().find(|used| !office.domains().contains(used)) {
        return Ok(OfficeChange::PeopleInDomain(domain));
    }
    tx.sql.execute("DELETE FROM sip_domain", [])?;
    for domain in office.domains() {
        tx.sql.execute("INSERT INTO sip_domain (name) VALUES (?1)", [domain.as_str()])?;
    }
    tx.sql.execute("DELETE FROM office_address", [])?;
    for side in [Side::Inside, Side::Outside] {
        for address in office.addresses(side) {
            let sql = "INSERT INTO office_address (side, address) VALUES (?1, ?2)";
            tx.sql.execute(sql, params![name(side), address.to_string()])?;
        }
    }
    let ports = office.ports();
    let generation = tx.sql.query_row(
        "INSERT INTO office (id, generation, set_up_at, https_port, sip_port) VALUES (1, 1, ?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET generation = generation + 1,
             https_port = excluded.https_port, sip_port = excluded.sip_port
         RETURNING generation",
        params![office.set_up_at().as_millis(), ports.https, ports.sip],
        |row| row.get(0),
    )?;
    tx.touched.office = true;
    Ok(OfficeChange::Done(Generation(generation)))
}
