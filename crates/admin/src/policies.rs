use axum::{
    Extension, Json as Body,
    extract::{FromRequestParts, Path, State, rejection::PathRejection},
    http::{StatusCode, request::Parts},
};
use fulmar_app::{ConfigureError, Values};
use fulmar_domain::configuration::{Object, Scope, Value};
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as JsonValue};

use crate::{
    Admin,
    json::{Json, Parameters, PathText, Person, failed, parsed, store_failed, unprocessable},
};

#[derive(Serialize)]
pub(crate) struct ObjectBody {
    object: &'static str,
    /// Where something was said, the widest scope first.
    scopes: Vec<String>,
}

#[derive(Serialize)]
pub(crate) struct ConfigurationBody {
    object: &'static str,
    /// The scope that says it; absent where nobody said anything and the defaults hold.
    scope: Option<String>,
    parameters: Vec<ParameterBody>,
}

#[derive(Serialize)]
struct ParameterBody {
    name: &'static str,
    value: JsonValue,
    default: JsonValue,
}

#[derive(Serialize)]
pub(crate) struct ChangedBody {
    /// What the scope said before, by parameter; `null` when it said nothing.
    before: Option<Map<String, JsonValue>>,
}

impl ConfigurationBody {
    fn of(object: Object, scope: Option<&Scope>, values: Values) -> Self {
        let defaults = object.defaults().values();
        let parameters = values.into_iter().zip(defaults).map(|((name, value), (_, default))| {
            ParameterBody { name, value: json(value), default: json(default) }
        });
        Self {
            object: object.as_str(),
            scope: scope.map(ToString::to_string),
            parameters: parameters.collect(),
        }
    }
}

impl ChangedBody {
    fn of(before: Option<Values>) -> Self {
        let map = |values: Values| values.into_iter().map(|(name, value)| (name.to_owned(), json(value)));
        Self { before: before.map(|values| map(values).collect()) }
    }
}

fn json(value: Value) -> JsonValue {
    match value {
        Value::Boolean(value) => value.into(),
        Value::Number(value) => value.into(),
        Value::Text(value) => value.into(),
        Value::List(values) => values.into(),
    }
}

/// `null` and an empty text put the default back.
fn words(name: &str, value: JsonValue) -> Result<Vec<String>, Problem> {
    let word = |value: JsonValue| match value {
        JsonValue::Bool(value) => Ok(if value { "True" } else { "False" }.to_owned()),
        JsonValue::Number(value) => Ok(value.to_string()),
        JsonValue::String(value) => Ok(value),
        _ => Err(unprocessable(format!("the value of `{name}` is neither a word nor a list of words"))),
    };
    match value {
        JsonValue::Null => Ok(Vec::new()),
        JsonValue::String(value) if value.is_empty() => Ok(Vec::new()),
        JsonValue::Array(values) => values.into_iter().map(word).collect(),
        value => Ok(vec![word(value)?]),
    }
}

pub(crate) async fn list(State(admin): State<Admin>) -> Result<Body<Vec<ObjectBody>>, Problem> {
    let mut all = admin.app.store().configured_scopes().await.map_err(store_failed)?;
    all.sort_by(|(_, one), (_, other)| one.order(other));
    let body = |object: Object| {
        let scopes = all.iter().filter(|(said, _)| *said == object).map(|(_, scope)| scope.to_string());
        ObjectBody { object: object.as_str(), scopes: scopes.collect() }
    };
    Ok(Body(Object::ALL.map(body).into()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whom {
    person: String,
}

pub(crate) async fn in_force(
    State(admin): State<Admin>,
    PathText(object): PathText,
    Parameters(Whom { person }): Parameters<Whom>,
) -> Result<Body<ConfigurationBody>, Problem> {
    let object = named(&object)?;
    let (scope, values) = admin.app.deciding(object, &parsed(&person)?).await.map_err(refused)?;
    Ok(Body(ConfigurationBody::of(object, scope.as_ref(), values)))
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    At(object, scope): At,
) -> Result<Body<ConfigurationBody>, Problem> {
    let said = admin.app.store().configured(object, scope.clone()).await.map_err(store_failed)?;
    match said {
        Some(values) => Ok(Body(ConfigurationBody::of(object, Some(&scope), values))),
        None if scope == Scope::Global => {
            Ok(Body(ConfigurationBody::of(object, None, object.defaults().values())))
        }
        None => Err(refused(ConfigureError::NotThere(object, scope))),
    }
}

pub(crate) async fn set(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    At(object, scope): At,
    Json(parameters): Json<Map<String, JsonValue>>,
) -> Result<Body<ChangedBody>, Problem> {
    let changes = parameters.into_iter().map(|(name, value)| words(&name, value).map(|words| (name, words)));
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    let names: Vec<_> = changes.iter().map(|(name, _)| name.clone()).collect();
    let before = admin.app.configure(object, scope.clone(), changes).await.map_err(refused)?;
    tracing::info!(user, %object, %scope, parameters = names.join(" "), "The configuration was changed.");
    Ok(Body(ChangedBody::of(before)))
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    At(object, scope): At,
) -> Result<Body<ChangedBody>, Problem> {
    let before = admin.app.remove_configuration(object, scope.clone()).await.map_err(refused)?;
    tracing::info!(user, %object, %scope, "A configuration object was removed.");
    Ok(Body(ChangedBody::of(Some(before))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    /// The name of the policy; `null` leaves the person that of their site.
    policy: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct GrantedBody {
    /// The policy that the person had by grant.
    before: Option<String>,
}

pub(crate) async fn grant(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Person(person): Person,
    Json(Grant { policy }): Json<Grant>,
) -> Result<Body<GrantedBody>, Problem> {
    let policy = policy.as_deref().map(parsed).transpose()?;
    let before = admin.app.grant_mobility_policy(person.clone(), policy).await.map_err(refused)?;
    tracing::info!(user, %person, "A policy was granted or taken back.");
    Ok(Body(GrantedBody { before: before.map(|name| name.to_string()) }))
}

/// The object and the scope that the path names.
pub(crate) struct At(Object, Scope);

impl<S: Send + Sync> FromRequestParts<S> for At {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<Path<(String, String)>, PathRejection> =
            Path::from_request_parts(parts, state).await;
        let Path((object, scope)) =
            path.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
        Ok(Self(named(&object)?, parsed(&scope)?))
    }
}

fn named(object: &str) -> Result<Object, Problem> {
    object.parse().map_err(|error: fulmar_domain::configuration::UnknownObject| {
        Problem::new(StatusCode::NOT_FOUND, error.to_string())
    })
}

fn refused(error: ConfigureError) -> Problem {
    match error {
        ConfigureError::Scope(_) | ConfigureError::NoSuchSite(_) | ConfigureError::Parameter(_) => {
            unprocessable(error)
        }
        ConfigureError::NotThere(..) | ConfigureError::NoSuchPerson(_) | ConfigureError::NoSuchPolicy(_) => {
            Problem::new(StatusCode::NOT_FOUND, error.to_string())
        }
        ConfigureError::Granted(..) => Problem::new(StatusCode::CONFLICT, error.to_string()),
        ConfigureError::Store(_) => failed(&error),
    }
}
