use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use fulmar_domain::photo::PhotoSize;
use fulmar_http::{PeerUser, Problem};

use crate::{
    Admin,
    json::{Person, store_failed},
    people::refused,
};

pub(crate) async fn show(State(admin): State<Admin>, Person(person): Person) -> Result<Response, Problem> {
    let photo = admin.app.store().photo(&person, PhotoSize::Hr648).await.map_err(store_failed)?;
    let none = || Problem::new(StatusCode::NOT_FOUND, format!("there is no photo of `{}`", person.address()));
    let photo = photo.ok_or_else(none)?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], photo.jpeg).into_response())
}

pub(crate) async fn change(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Person(person): Person,
    picture: Bytes,
) -> Result<StatusCode, Problem> {
    admin.app.set_photo(person.clone(), Some(picture.into())).await.map_err(refused)?;
    tracing::info!(user, %person, "A photo was changed.");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Person(person): Person,
) -> Result<StatusCode, Problem> {
    admin.app.set_photo(person.clone(), None).await.map_err(refused)?;
    tracing::info!(user, %person, "A photo was taken away.");
    Ok(StatusCode::NO_CONTENT)
}
