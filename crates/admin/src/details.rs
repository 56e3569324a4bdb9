use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_domain::details::{Details, MAX_EMAILS};
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, Person, parsed, unprocessable},
    people::refused,
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetailsBody {
    /// What colleagues see; in a change, as before when it is absent.
    name: Option<String>,
    title: Option<String>,
    department: Option<String>,
    company: Option<String>,
    office: Option<String>,
    #[serde(default)]
    emails: Vec<String>,
    work_phone: Option<String>,
    mobile_phone: Option<String>,
    home_phone: Option<String>,
    other_phone: Option<String>,
}

impl DetailsBody {
    fn read(&self) -> Result<Details, Problem> {
        if self.emails.len() > MAX_EMAILS {
            return Err(unprocessable(format!("a person has {MAX_EMAILS} e-mail addresses at most")));
        }
        Ok(Details {
            title: optional(self.title.as_deref())?,
            department: optional(self.department.as_deref())?,
            company: optional(self.company.as_deref())?,
            office: optional(self.office.as_deref())?,
            emails: self.emails.iter().map(|email| parsed(email)).collect::<Result<_, _>>()?,
            work_phone: optional(self.work_phone.as_deref())?,
            mobile_phone: optional(self.mobile_phone.as_deref())?,
            home_phone: optional(self.home_phone.as_deref())?,
            other_phone: optional(self.other_phone.as_deref())?,
        })
    }
}

/// What is empty is nothing.
fn optional<T>(text: Option<&str>) -> Result<Option<T>, Problem>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.filter(|text| !text.is_empty()).map(parsed).transpose()
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    Person(person): Person,
) -> Result<Body<DetailsBody>, Problem> {
    let (contact, details) = admin.app.details(person).await.map_err(refused)?;
    let text = |text: Option<_>| text.map(|text: fulmar_domain::details::DetailText| text.to_string());
    let phone = |phone: Option<_>| phone.map(|phone: fulmar_domain::details::PhoneNumber| phone.to_string());
    Ok(Body(DetailsBody {
        name: Some(contact.display_name.to_string()),
        title: text(details.title),
        department: text(details.department),
        company: text(details.company),
        office: text(details.office),
        emails: details.emails.iter().map(ToString::to_string).collect(),
        work_phone: phone(details.work_phone),
        mobile_phone: phone(details.mobile_phone),
        home_phone: phone(details.home_phone),
        other_phone: phone(details.other_phone),
    }))
}

pub(crate) async fn change(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Person(person): Person,
    Json(body): Json<DetailsBody>,
) -> Result<StatusCode, Problem> {
    let name = body.name.as_deref().map(parsed).transpose()?;
    admin.app.set_details(person.clone(), name, body.read()?).await.map_err(refused)?;
    tracing::info!(user, %person, "The details of a person were changed.");
    Ok(StatusCode::NO_CONTENT)
}
