use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_app::{AddPersonError, ChangePersonError};
use fulmar_domain::Account;
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, Person, failed, parsed, store_failed, unprocessable},
};

#[derive(Serialize)]
pub(crate) struct PersonBody {
    address: String,
    name: String,
    disabled: bool,
    /// The Autodiscover root of another pool; absent for this box.
    #[serde(skip_serializing_if = "Option::is_none")]
    homed_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerson {
    address: String,
    name: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    pub(crate) password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Disabled {
    disabled: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Home {
    /// The Autodiscover root of another pool, or `here`.
    home: String,
}

impl From<Account> for PersonBody {
    fn from(account: Account) -> Self {
        let Account { uri, display_name, disabled, homed_at, .. } = account;
        let homed_at = homed_at.map(|home| home.to_string());
        Self { address: uri.address(), name: display_name.to_string(), disabled, homed_at }
    }
}

pub(crate) async fn list(State(admin): State<Admin>) -> Result<Body<Vec<PersonBody>>, Problem> {
    let people = admin.app.store().accounts().await.map_err(store_failed)?;
    Ok(Body(people.into_iter().map(PersonBody::from).collect()))
}

pub(crate) async fn add(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(new): Json<NewPerson>,
) -> Result<(StatusCode, Body<PersonBody>), Problem> {
    let added = admin.app.add_person(parsed(&new.address)?, parsed(&new.name)?, new.password).await;
    let account = added.map_err(|error| match error {
        AddPersonError::AddressTaken(_) => Problem::new(StatusCode::CONFLICT, error.to_string()),
        AddPersonError::UnknownDomain(_) | AddPersonError::Password => unprocessable(error),
        AddPersonError::Hash(_) | AddPersonError::Store(_) => failed(&error),
    })?;
    tracing::info!(user, person = %account.uri, "A person was added.");
    Ok((StatusCode::CREATED, Body(account.into())))
}

pub(crate) async fn change_password(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Person(person): Person,
    Json(new): Json<NewPassword>,
) -> Result<StatusCode, Problem> {
    admin.app.change_password(person.clone(), new.password).await.map_err(refused)?;
    tracing::info!(user, %person, "A password was changed; the person was signed out.");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn set_disabled(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Person(person): Person,
    Json(Disabled { disabled }): Json<Disabled>,
) -> Result<StatusCode, Problem> {
    admin.app.set_disabled(person.clone(), disabled).await.map_err(refused)?;
    tracing::info!(user, %person, disabled, "A person was disabled or enabled.");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn set_home(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Person(person): Person,
    Json(Home { home }): Json<Home>,
) -> Result<StatusCode, Problem> {
    let url = if home == "here" { None } else { Some(parsed(&home)?) };
    admin.app.set_home(person.clone(), url).await.map_err(refused)?;
    tracing::info!(user, %person, home, "A person is at home elsewhere, or here again.");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn sign_out(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Person(person): Person,
) -> Result<StatusCode, Problem> {
    admin.app.sign_out(person.clone()).await.map_err(refused)?;
    tracing::info!(user, %person, "A person was signed out everywhere.");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) fn refused(error: ChangePersonError) -> Problem {
    match error {
        ChangePersonError::NoSuchPerson(_) | ChangePersonError::NoSuchDevice(..) => {
            Problem::new(StatusCode::NOT_FOUND, error.to_string())
        }
        ChangePersonError::Password
        | ChangePersonError::NotARoot(_)
        | ChangePersonError::OwnHost(_)
        | ChangePersonError::Picture(_) => unprocessable(error),
        ChangePersonError::Hash(_) | ChangePersonError::Store(_) => failed(&error),
    }
}
