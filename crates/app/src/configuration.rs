//! The configuration objects: what is in force for whom, and who may change what.

use fulmar_domain::{
    DnsName, SipUri,
    configuration::{
        Configuration, InvalidParameter, InvalidScope, MobilityPolicy, Object, PolicyName, Scope,
    },
};
use fulmar_store::{ConfigurationChange, ConfigurationRemoval, Granting, StoreError, Values};
use thiserror::Error;

use crate::App;

/// The scope that decides, and what it says. No scope: nobody said anything, and the defaults hold.
pub type Deciding = (Option<Scope>, Values);

/// Why the configuration stays as it is.
#[derive(Debug, Error)]
pub enum ConfigureError {
    /// The scope is not one of that object.
    #[error(transparent)]
    Scope(#[from] InvalidScope),
    /// A site is a SIP domain of the office.
    #[error("the office does not have the SIP domain `{0}`")]
    NoSuchSite(DnsName),
    /// A parameter or its value can not be.
    #[error(transparent)]
    Parameter(#[from] InvalidParameter),
    /// Nothing was said there.
    #[error("`{0}` says nothing at the scope `{1}`")]
    NotThere(Object, Scope),
    /// People would be left with a policy that is not there.
    #[error("{1} people have the policy `{0}`: grant them another first")]
    Granted(Scope, u32),
    /// There is nobody of that address.
    #[error("nobody here has the address `{}`", .0.address())]
    NoSuchPerson(SipUri),
    /// There is no policy of that name.
    #[error("there is no policy `tag:{0}`: set one of its parameters first")]
    NoSuchPolicy(PolicyName),
    /// The store failed.
    #[error("can not change the configuration")]
    Store(#[from] StoreError),
}

impl App {
    /// The object that is in force for the people of a SIP domain.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn configuration<C: Configuration>(&self, domain: &DnsName) -> Result<C, StoreError> {
        self.store.configuration(domain).await
    }

    /// What a person may do with a phone.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn mobility_policy(&self, person: &SipUri) -> Result<MobilityPolicy, StoreError> {
        self.store.mobility_policy(person).await
    }

    /// What is in force for a person, and which scope decides it.
    ///
    /// # Errors
    /// [`ConfigureError::NoSuchPerson`] and failures of the store.
    pub async fn deciding(&self, object: Object, person: &SipUri) -> Result<Deciding, ConfigureError> {
        if self.store.account(person).await?.is_none() {
            return Err(ConfigureError::NoSuchPerson(person.clone()));
        }
        let decided = self.store.deciding_scope(object, person.domain(), Some(person)).await?;
        Ok(decided
            .map_or_else(|| (None, object.defaults().values()), |(scope, values)| (Some(scope), values)))
    }

    /// Sets parameters of an object at a scope; those that are not named stay, no words put a default back.
    /// Returns what the scope said before, if anything.
    ///
    /// # Errors
    /// [`ConfigureError`]; nothing was changed then.
    pub async fn configure(
        &self,
        object: Object,
        scope: Scope,
        changes: Vec<(String, Vec<String>)>,
    ) -> Result<Option<Values>, ConfigureError> {
        scope.check(object)?;
        if let Scope::Site(domain) = &scope {
            let office = self.store.office().await?;
            if !office.is_some_and(|(office, _)| office.domains().contains(domain)) {
                return Err(ConfigureError::NoSuchSite(domain.clone()));
            }
        }
        match self.store.configure(object, scope, changes, self.now()).await? {
            ConfigurationChange::Done(before) => Ok(before),
            ConfigurationChange::Refused(refused) => Err(refused.into()),
        }
    }

    /// Forgets what an object says at a scope, and returns it; a wider scope decides from now on.
    ///
    /// # Errors
    /// [`ConfigureError`]; nothing was changed then.
    pub async fn remove_configuration(&self, object: Object, scope: Scope) -> Result<Values, ConfigureError> {
        match self.store.remove_configuration(object, scope.clone(), self.now()).await? {
            ConfigurationRemoval::Done(values) => Ok(values),
            ConfigurationRemoval::NotThere => Err(ConfigureError::NotThere(object, scope)),
            ConfigurationRemoval::Granted(people) => Err(ConfigureError::Granted(scope, people)),
        }
    }

    /// Grants a mobility policy to a person, or with `None` leaves them that of their site. Returns the one that
    /// they had by grant.
    ///
    /// # Errors
    /// [`ConfigureError`]; nothing was changed then.
    pub async fn grant_mobility_policy(
        &self,
        person: SipUri,
        policy: Option<PolicyName>,
    ) -> Result<Option<PolicyName>, ConfigureError> {
        match self.store.grant_mobility_policy(person.clone(), policy.clone(), self.now()).await? {
            Granting::Done(before) => Ok(before),
            Granting::NoSuchPerson => Err(ConfigureError::NoSuchPerson(person)),
            Granting::NoSuchPolicy => match policy {
                Some(policy) => Err(ConfigureError::NoSuchPolicy(policy)),
                None => Err(ConfigureError::NoSuchPerson(person)),
            },
        }
    }
}
