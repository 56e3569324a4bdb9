//! Photos of people.

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use fulmar_domain::photo::{PhotoSize, ShownPhoto};
use fulmar_wire::{mcx::PhotoQuery, ucwa::etag_matches};

use super::{
    mobile,
    refusal::{self, Refusal},
};
use crate::Phones;

/// `GET`: a JPEG, or 304 where the client has it.
pub(crate) async fn show(
    State(phones): State<Phones>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match find(&phones, &headers, &query.unwrap_or_default()).await {
        Ok(photo) => answer(photo, &headers),
        Err(refusal) => refusal::answer(&phones, &headers, refusal).await,
    }
}

async fn find(phones: &Phones, headers: &HeaderMap, query: &str) -> Result<ShownPhoto, Refusal> {
    mobile(phones, headers).await?;
    let malformed = |error: &dyn std::fmt::Display| Refusal::Malformed(error.to_string());
    let PhotoQuery { uri, size } = PhotoQuery::parse(query).map_err(|error| malformed(&error))?;
    let uri = uri.parse().map_err(|error| malformed(&error))?;
    let size = size.map_or(Ok(PhotoSize::Hr48), |size| size.parse()).map_err(|error| malformed(&error))?;
    let photo = phones.app.store().photo(&uri, size).await.map_err(|error| Refusal::failed(&error))?;
    photo.ok_or(Refusal::NoPhoto)
}

/// A photo as it is sent, or 304.
pub(crate) fn answer(ShownPhoto { jpeg, etag }: ShownPhoto, headers: &HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let fresh =
        [(header::ETAG, format!("\"{etag}\"")), (header::CACHE_CONTROL, "private, no-cache".to_owned())];
    if known.is_some_and(|known| etag_matches(known, &etag)) {
        return (StatusCode::NOT_MODIFIED, fresh).into_response();
    }
    (fresh, [(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response()
}
