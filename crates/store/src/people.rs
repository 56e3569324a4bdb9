//! What is known of people, and finding them.

use fulmar_domain::{
    AccountId, DisplayName, RequestId, SipUri, Timestamp,
    contacts::{Contact, ListedContact},
    details::Details,
    search::{Found, SearchLimit, SearchQuery},
};
use rusqlite::{Connection, Row, ToSql, params};

use crate::{
    Actor, Store, StoreError, contacts,
    events::{self, Entry, PeopleEntry},
    rows::{found, parsed, parsed_or_null},
    sessions::{Effect, Executed},
};

impl Store {
    /// Says what is known of a person, instead of what was known before, and with `name` how they are called. `false`
    /// when there is nobody.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_details(
        &self,
        uri: SipUri,
        name: Option<DisplayName>,
        details: Details,
    ) -> Result<bool, StoreError> {
        self.change("change the details of a person", move |tx| {
            let update =
                "UPDATE account SET display_name = ifnull(?2, display_name) WHERE uri = ?1 RETURNING id";
            let values = params![uri.to_string(), name.as_ref().map(DisplayName::as_str)];
            let id = found(tx.sql.query_row(update, values, |row| row.get::<_, i64>(0)))?;
            let Some(id) = id else { return Ok(false) };
            write(tx.sql, id, &details)?;
            Ok(true)
        })
        .await
    }

    /// The name of a person and what is known of them; `None` when there is nobody.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn details(&self, uri: &SipUri) -> Result<Option<(Contact, Details)>, StoreError> {
        let uri = uri.to_string();
        self.read("read the details of a person", move |sql| {
            let select = &format!("{SELECT} WHERE a.uri = ?1");
            let row = found(sql.prepare_cached(select)?.query_row([uri], person))?;
            Ok(row.map(|(_, contact, details)| (contact, details)))
        })
        .await
    }

    /// Looks for people, oneself among them.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn search(
        &self,
        by: AccountId,
        query: SearchQuery,
        limit: SearchLimit,
    ) -> Result<Found, StoreError> {
        self.read("look for people", move |sql| search(sql, by.0, &query, limit)).await
    }

    /// Looks for people on behalf of a session; where the command has a name, what is found is an event of that name,
    /// in place of what an earlier search has found and nobody has fetched.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn tell_search(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        query: SearchQuery,
        limit: SearchLimit,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        let request = request.into();
        let name = request.clone();
        self.command("look for people", actor, request, now, move |tx, session| {
            if let Some(request) = &name {
                let detail = &format!("{} {}", limit.get(), query.as_str());
                let entry = PeopleEntry::Found { request, detail };
                events::replace(tx, session.device.0, Entry::People(entry))?;
            }
            Ok(Effect::done())
        })
        .await
    }
}

const SELECT: &str =
    "SELECT a.id, a.uri, a.display_name, d.title, d.department, d.company, d.office, d.emails,
         d.work_phone, d.mobile_phone, d.home_phone, d.other_phone
     FROM account a LEFT JOIN person_details d ON d.account = a.id";

/// Everybody who is enabled and at home here, by name.
pub(crate) fn everybody(sql: &Connection) -> rusqlite::Result<Vec<(i64, Contact, Details)>> {
    some(sql, "", &[])
}

/// Those of them who satisfy a condition, which begins with `AND`.
pub(crate) fn some(
    sql: &Connection,
    condition: &str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<Vec<(i64, Contact, Details)>> {
    let select =
        &format!("{SELECT} WHERE a.disabled = 0 AND a.homed_at IS NULL {condition} ORDER BY a.display_name");
    sql.prepare_cached(select)?.query_map(values, person)?.collect()
}

fn person(row: &Row<'_>) -> rusqlite::Result<(i64, Contact, Details)> {
    let emails: Option<String> = row.get(7)?;
    let details = Details {
        title: parsed_or_null(row, 3)?,
        department: parsed_or_null(row, 4)?,
        company: parsed_or_null(row, 5)?,
        office: parsed_or_null(row, 6)?,
        emails: emails
            .iter()
            .flat_map(|emails| emails.split_whitespace())
            .filter_map(|e| e.parse().ok())
            .collect(),
        work_phone: parsed_or_null(row, 8)?,
        mobile_phone: parsed_or_null(row, 9)?,
        home_phone: parsed_or_null(row, 10)?,
        other_phone: parsed_or_null(row, 11)?,
    };
    Ok((row.get(0)?, Contact { uri: parsed(row, 1)?, display_name: parsed(row, 2)? }, details))
}

fn write(sql: &Connection, account: i64, details: &Details) -> rusqlite::Result<()> {
    let Details { title, department, company, office, emails, .. } = details;
    let text = |text: &Option<_>| text.as_ref().map(ToString::to_string);
    let phone = |phone: &Option<_>| phone.as_ref().map(ToString::to_string);
    let emails: Vec<_> = emails.iter().map(ToString::to_string).collect();
    sql.execute(
        "INSERT OR REPLACE INTO person_details
             (account, title, department, company, office, emails, work_phone, mobile_phone, home_phone, other_phone)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            account,
            text(title),
            text(department),
            text(company),
            text(office),
            emails.join(" "),
            phone(&details.work_phone),
            phone(&details.mobile_phone),
            phone(&details.home_phone),
            phone(&details.other_phone),
        ],
    )
    .map(drop)
}

pub(crate) fn search(
    sql: &Connection,
    by: i64,
    query: &SearchQuery,
    limit: SearchLimit,
) -> rusqlite::Result<Found> {
    let matching =
        everybody(sql)?.into_iter().filter(|(_, contact, details)| query.matches(contact, details));
    let mut matching: Vec<_> = matching.take(limit.get() + 1).collect();
    let more = matching.len() > limit.get();
    matching.truncate(limit.get());
    let listed = matching.into_iter().map(|(id, contact, details)| {
        Ok(ListedContact { contact, details, groups: contacts::places(sql, by, id)? })
    });
    Ok(Found { people: listed.collect::<rusqlite::Result<_>>()?, more })
}
