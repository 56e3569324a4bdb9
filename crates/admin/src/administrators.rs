use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_app::ChangeAdministratorError;
use fulmar_domain::AdministratorName;
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, PathText, failed, parsed, store_failed, unprocessable},
    people::NewPassword,
};

#[derive(Serialize)]
pub(crate) struct AdministratorBody {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAdministrator {
    name: String,
    password: String,
}

impl From<AdministratorName> for AdministratorBody {
    fn from(name: AdministratorName) -> Self {
        Self { name: name.to_string() }
    }
}

pub(crate) async fn list(State(admin): State<Admin>) -> Result<Body<Vec<AdministratorBody>>, Problem> {
    let names = admin.app.store().administrators().await.map_err(store_failed)?;
    Ok(Body(names.into_iter().map(AdministratorBody::from).collect()))
}

pub(crate) async fn add(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(new): Json<NewAdministrator>,
) -> Result<(StatusCode, Body<AdministratorBody>), Problem> {
    let name: AdministratorName = parsed(&new.name)?;
    admin.app.add_administrator(name.clone(), new.password).await.map_err(refused)?;
    tracing::info!(user, administrator = %name, "An administrator was added.");
    Ok((StatusCode::CREATED, Body(name.into())))
}

pub(crate) async fn change_password(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    PathText(name): PathText,
    Json(new): Json<NewPassword>,
) -> Result<StatusCode, Problem> {
    let name: AdministratorName = parsed(&name)?;
    admin.app.change_administrator_password(name.clone(), new.password).await.map_err(refused)?;
    tracing::info!(user, administrator = %name, "The password of an administrator was changed.");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    PathText(name): PathText,
) -> Result<StatusCode, Problem> {
    let name: AdministratorName = parsed(&name)?;
    admin.app.remove_administrator(name.clone()).await.map_err(refused)?;
    tracing::info!(user, administrator = %name, "An administrator was removed.");
    Ok(StatusCode::NO_CONTENT)
}

fn refused(error: ChangeAdministratorError) -> Problem {
    match error {
        ChangeAdministratorError::NameTaken(_) => Problem::new(StatusCode::CONFLICT, error.to_string()),
        ChangeAdministratorError::NoSuchAdministrator(_) => {
            Problem::new(StatusCode::NOT_FOUND, error.to_string())
        }
        ChangeAdministratorError::Password => unprocessable(error),
        ChangeAdministratorError::Hash(_) | ChangeAdministratorError::Store(_) => failed(&error),
    }
}
