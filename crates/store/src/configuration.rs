//! The configuration objects, and to whom a policy was granted.

use fulmar_domain::{
    DnsName, SipUri, Timestamp,
    configuration::{
        Configuration, InvalidParameter, MobilityPolicy, Object, Parameters, PolicyName,
        PushNotificationConfiguration, Scope, Value,
    },
    device::Provider,
    push::ServiceState,
};
use rusqlite::{Connection, params, types::Type};

use crate::{
    Store, StoreError, notifications, nt_hashes, push_settings,
    rows::{found, parsed},
    writer::Tx,
};

/// The parameters of an object, by name.
pub type Values = Vec<(&'static str, Value)>;

/// What came of a change of a configuration object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigurationChange {
    /// It is in force. What the scope said before; `None` when it said nothing.
    Done(Option<Values>),
    /// Nothing was changed.
    Refused(InvalidParameter),
}

/// What came of removing an object from a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigurationRemoval {
    /// A wider scope decides now. What this one said.
    Done(Values),
    /// There was none.
    NotThere,
    /// So many people have this policy; nothing was changed.
    Granted(u32),
}

/// What came of granting a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granting {
    /// It holds. What the person had before by grant.
    Done(Option<PolicyName>),
    /// There is nobody of that address.
    NoSuchPerson,
    /// There is no policy of that name.
    NoSuchPolicy,
}

impl Store {
    /// The object that is in force for the people of a SIP domain.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn configuration<C: Configuration>(&self, domain: &DnsName) -> Result<C, StoreError> {
        let domain = domain.to_string();
        self.read("read the configuration", move |sql| in_force(sql, &domain)).await
    }

    /// The policy that is in force for a person.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn mobility_policy(&self, person: &SipUri) -> Result<MobilityPolicy, StoreError> {
        let person = person.clone();
        self.read("read a policy", move |sql| mobility_policy(sql, &person)).await
    }

    /// The scopes at which something was said, by object.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn configured_scopes(&self) -> Result<Vec<(Object, Scope)>, StoreError> {
        self.read("list the configuration", |sql| {
            sql.prepare_cached("SELECT object, scope FROM configuration")?
                .query_map([], |row| Ok((parsed(row, 0)?, parsed(row, 1)?)))?
                .collect()
        })
        .await
    }

    /// What an object says at one scope.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn configured(&self, object: Object, scope: Scope) -> Result<Option<Values>, StoreError> {
        self.read("read the configuration", move |sql| values_at(sql, object, &scope.to_string())).await
    }

    /// The scope whose object is in force for a person, or for a SIP domain where no person is named, and what
    /// it says; `None` where nobody said anything.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn deciding_scope(
        &self,
        object: Object,
        domain: &DnsName,
        person: Option<&SipUri>,
    ) -> Result<Option<(Scope, Values)>, StoreError> {
        let (domain, person) = (domain.to_string(), person.cloned());
        self.read("read the configuration", move |sql| {
            let tag = match (object, &person) {
                (Object::MobilityPolicy, Some(person)) => granted(sql, person)?,
                _ => None,
            };
            let Some(scope) = deciding(sql, object, &domain, tag.as_ref())? else { return Ok(None) };
            let values = values_at(sql, object, &scope)?.unwrap_or_default();
            Ok(Some((word(&scope)?, values)))
        })
        .await
    }

    /// Sets parameters of an object at a scope; those that are not named stay. No words put a default back.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn configure(
        &self,
        object: Object,
        scope: Scope,
        changes: Vec<(String, Vec<String>)>,
        now: Timestamp,
    ) -> Result<ConfigurationChange, StoreError> {
        self.change("change the configuration", move |tx| configure(tx, object, &scope, &changes, now)).await
    }

    /// Forgets what an object says at a scope.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn remove_configuration(
        &self,
        object: Object,
        scope: Scope,
        now: Timestamp,
    ) -> Result<ConfigurationRemoval, StoreError> {
        self.change("remove a configuration object", move |tx| {
            let scope = scope.to_string();
            let Some(values) = values_at(tx.sql, object, &scope)? else {
                return Ok(ConfigurationRemoval::NotThere);
            };
            let count = "SELECT count(*) FROM mobility_policy_grant WHERE scope = ?1";
            let granted = tx.sql.query_row(count, [&scope], |row| row.get(0))?;
            if granted > 0 {
                return Ok(ConfigurationRemoval::Granted(granted));
            }
            let delete = "DELETE FROM configuration WHERE object = ?1 AND scope = ?2";
            tx.sql.execute(delete, [object.as_str(), &scope])?;
            notifications::reconsider_all(tx, now)?;
            nt_hashes::drop_unwanted(tx)?;
            Ok(ConfigurationRemoval::Done(values))
        })
        .await
    }

    /// Grants a policy to a person, in place of the one they had; `None` leaves them that of their site.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn grant_mobility_policy(
        &self,
        person: SipUri,
        policy: Option<PolicyName>,
        now: Timestamp,
    ) -> Result<Granting, StoreError> {
        self.change("grant a policy", move |tx| grant(tx, &person, policy, now)).await
    }
}

/// The object in force for the people of a SIP domain.
pub(crate) fn in_force<C: Configuration>(sql: &Connection, domain: &str) -> rusqlite::Result<C> {
    let scope = deciding(sql, C::OBJECT, domain, None)?;
    read(sql, scope.as_deref())
}

/// The policy in force for a person.
pub(crate) fn mobility_policy(sql: &Connection, person: &SipUri) -> rusqlite::Result<MobilityPolicy> {
    let tag = granted(sql, person)?;
    let scope = deciding(sql, Object::MobilityPolicy, person.domain().as_str(), tag.as_ref())?;
    read(sql, scope.as_deref())
}

/// How things stand with a push service for a person.
pub(crate) fn service_state(
    sql: &Connection,
    person: &SipUri,
    provider: Provider,
) -> rusqlite::Result<ServiceState> {
    if !push_settings::are_there(sql, provider)? {
        return Ok(ServiceState::NotSetUp);
    }
    let push: PushNotificationConfiguration = in_force(sql, person.domain().as_str())?;
    Ok(if push.is_on(provider) { ServiceState::On } else { ServiceState::Off })
}

/// Sets parameters. What the new ones forbid is withdrawn, and who slept because of the old ones is woken.
pub(crate) fn configure(
    tx: &mut Tx<'_>,
    object: Object,
    scope: &Scope,
    changes: &[(String, Vec<String>)],
    now: Timestamp,
) -> rusqlite::Result<ConfigurationChange> {
    let scope = scope.to_string();
    let before = values_at(tx.sql, object, &scope)?;
    let mut parameters = object.defaults();
    fill(tx.sql, object, &scope, parameters.as_mut())?;
    for (name, words) in changes {
        if let Err(refused) = object.set(parameters.as_mut(), name, words) {
            return Ok(ConfigurationChange::Refused(refused));
        }
    }
    if let Err(refused) = parameters.check() {
        return Ok(ConfigurationChange::Refused(refused));
    }
    if let Some(refused) = without_key(tx.sql, before.as_ref(), &parameters.values())? {
        return Ok(ConfigurationChange::Refused(refused));
    }
    let insert = "INSERT INTO configuration (object, scope) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    tx.sql.execute(insert, [object.as_str(), &scope])?;
    for (name, value) in parameters.values() {
        let delete = "DELETE FROM configuration_value WHERE object = ?1 AND scope = ?2 AND name = ?3";
        tx.sql.execute(delete, [object.as_str(), &scope, name])?;
        for (position, word) in value.words().iter().enumerate() {
            let insert = "INSERT INTO configuration_value (object, scope, name, position, word)
                 VALUES (?1, ?2, ?3, ?4, ?5)";
            tx.sql.execute(insert, params![object.as_str(), scope, name, position, word])?;
        }
    }
    notifications::reconsider_all(tx, now)?;
    nt_hashes::drop_unwanted(tx)?;
    Ok(ConfigurationChange::Done(before))
}

/// The switch of a push service that is to go on while the box has no key for the service.
fn without_key(
    sql: &Connection,
    before: Option<&Values>,
    after: &Values,
) -> rusqlite::Result<Option<InvalidParameter>> {
    for (name, provider) in PushNotificationConfiguration::SWITCHES {
        let on = |values: &Values| values.contains(&(name, Value::Boolean(true)));
        if on(after) && !before.is_some_and(on) && !push_settings::are_there(sql, provider)? {
            let (service, keys) = (provider.title(), provider.as_str());
            return Ok(Some(InvalidParameter::NoKey { name, service, keys }));
        }
    }
    Ok(None)
}

/// Switches a push service on for everybody for whom no site says otherwise.
pub(crate) fn enable_push(tx: &Tx<'_>, service: Provider) -> rusqlite::Result<()> {
    let switches = PushNotificationConfiguration::SWITCHES.into_iter();
    switches.filter(|(_, provider)| *provider == service).try_for_each(|(name, _)| enable(tx, name))
}

fn enable(tx: &Tx<'_>, switch: &str) -> rusqlite::Result<()> {
    let object = Object::PushNotification.as_str();
    let insert = "INSERT INTO configuration (object, scope) VALUES (?1, 'global') ON CONFLICT DO NOTHING";
    tx.sql.execute(insert, [object])?;
    let insert = "INSERT INTO configuration_value (object, scope, name, position, word)
         VALUES (?1, 'global', ?2, 0, 'True') ON CONFLICT DO UPDATE SET word = excluded.word";
    tx.sql.execute(insert, [object, switch]).map(drop)
}

fn grant(
    tx: &mut Tx<'_>,
    person: &SipUri,
    policy: Option<PolicyName>,
    now: Timestamp,
) -> rusqlite::Result<Granting> {
    let select = "SELECT id FROM account WHERE uri = ?1";
    let account: Option<i64> = found(tx.sql.query_row(select, [person.to_string()], |row| row.get(0)))?;
    let Some(account) = account else { return Ok(Granting::NoSuchPerson) };
    let before = granted(tx.sql, person)?;
    tx.sql.execute("DELETE FROM mobility_policy_grant WHERE account = ?1", [account])?;
    if let Some(policy) = policy {
        let scope = Scope::Tag(policy).to_string();
        let insert = "INSERT INTO mobility_policy_grant (account, scope)
             SELECT ?1, scope FROM configuration WHERE object = ?2 AND scope = ?3";
        if tx.sql.execute(insert, params![account, Object::MobilityPolicy.as_str(), scope])? == 0 {
            if let Some(before) = before {
                let scope = Scope::Tag(before).to_string();
                let back = "INSERT INTO mobility_policy_grant (account, scope) VALUES (?1, ?2)";
                tx.sql.execute(back, params![account, scope])?;
            }
            return Ok(Granting::NoSuchPolicy);
        }
    }
    notifications::reconsider_person(tx, account, now)?;
    Ok(Granting::Done(before))
}

fn granted(sql: &Connection, person: &SipUri) -> rusqlite::Result<Option<PolicyName>> {
    let select = "SELECT g.scope FROM mobility_policy_grant g JOIN account a ON a.id = g.account
         WHERE a.uri = ?1";
    let scope = found(sql.prepare_cached(select)?.query_row([person.to_string()], |row| parsed(row, 0)))?;
    Ok(scope.and_then(|scope| match scope {
        Scope::Tag(name) => Some(name),
        Scope::Global | Scope::Site(_) => None,
    }))
}

/// The most specific scope that has the object.
fn deciding(
    sql: &Connection,
    object: Object,
    domain: &str,
    tag: Option<&PolicyName>,
) -> rusqlite::Result<Option<String>> {
    let tag = tag.map(|name| Scope::Tag(name.clone()).to_string());
    let select = "SELECT scope FROM configuration
         WHERE object = ?1 AND scope IN (?2, 'site:' || ?3, 'global')
         ORDER BY scope IS NOT ?2, scope = 'global' LIMIT 1";
    let values = params![object.as_str(), tag, domain];
    found(sql.prepare_cached(select)?.query_row(values, |row| row.get(0)))
}

fn read<C: Configuration>(sql: &Connection, scope: Option<&str>) -> rusqlite::Result<C> {
    let mut parameters = C::default();
    if let Some(scope) = scope {
        fill(sql, C::OBJECT, scope, &mut parameters)?;
    }
    Ok(parameters)
}

/// What the scope says of the object; `None` when it says nothing.
fn values_at(sql: &Connection, object: Object, scope: &str) -> rusqlite::Result<Option<Values>> {
    let there = "SELECT EXISTS (SELECT 1 FROM configuration WHERE object = ?1 AND scope = ?2)";
    if !sql.query_row(there, [object.as_str(), scope], |row| row.get(0))? {
        return Ok(None);
    }
    let mut parameters = object.defaults();
    fill(sql, object, scope, parameters.as_mut())?;
    Ok(Some(parameters.values()))
}

/// A parameter that a later release knows and this one does not is passed over; a value that was taken once and
/// can not be now is a damaged database.
fn fill(
    sql: &Connection,
    object: Object,
    scope: &str,
    parameters: &mut dyn Parameters,
) -> rusqlite::Result<()> {
    let mut select = sql.prepare_cached(
        "SELECT name, word FROM configuration_value WHERE object = ?1 AND scope = ?2 ORDER BY name, position",
    )?;
    let rows = select.query_map([object.as_str(), scope], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut words: Vec<(String, Vec<String>)> = Vec::new();
    for row in rows {
        let (name, word): (String, String) = row?;
        match words.last_mut() {
            Some((last, words)) if *last == name => words.push(word),
            _ => words.push((name, vec![word])),
        }
    }
    for (name, words) in words {
        match object.set(parameters, &name, &words) {
            Ok(()) | Err(InvalidParameter::Unknown { .. }) => {}
            Err(error) => {
                return Err(rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)));
            }
        }
    }
    Ok(())
}

fn word<T>(text: &str) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}
