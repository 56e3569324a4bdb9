//! What people look like ("photo", "contactPhoto").

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use fulmar_domain::photo::PhotoSize;
use fulmar_wire::{
    Secret,
    ucwa::{Code, Subcode},
};

use super::{
    answer::Refused,
    asker::{Asker, Given},
    hrefs::Hrefs,
};
use crate::{challenge, mcx::photo};

/// The cookie that shows photos.
const COOKIE: &str = "cwt_ucwa";

/// `GET`: a JPEG, or 304 where the client has it.
pub(super) async fn show(asker: Asker, headers: HeaderMap, given: Given) -> Result<Response, Refused> {
    let size = given.optional("size")?.unwrap_or(PhotoSize::Hr48);
    let photo = asker.app.store().photo(&asker.person()?, size).await?;
    let photo = photo.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ResourceNotFound))?;
    Ok(photo::answer(photo, &headers))
}

/// The header that gives a browser the ticket of a request back, for the photos of an application alone: a page shows
/// them as images, and images are asked for without a header of its own.
pub(super) fn cookie(headers: &HeaderMap, hrefs: &Hrefs) -> Option<HeaderValue> {
    let ticket = challenge::ticket(headers)?;
    let plain =
        ticket.reveal().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte));
    let path = hrefs.at("photos");
    let cookie = format!("{COOKIE}={}; path={path}; secure; HttpOnly; SameSite=Lax", ticket.reveal());
    HeaderValue::try_from(cookie).ok().filter(|_| plain)
}

/// Takes the ticket from the cookie where no header has one.
pub(super) async fn by_cookie(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    if challenge::ticket(headers).is_none()
        && let Some(ticket) = from_cookie(headers)
        && let Ok(bearer) = HeaderValue::try_from(format!("Bearer cwt={}", ticket.reveal()))
    {
        headers.insert(header::AUTHORIZATION, bearer);
    }
    next.run(request).await
}

fn from_cookie(headers: &HeaderMap) -> Option<Secret> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == COOKIE).map(|(_, ticket)| Secret::from(ticket.trim()))
}
