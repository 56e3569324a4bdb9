pub(crate) mod keys;

use axum::{Json as Body, extract::State};
use fulmar_http::Problem;
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Parameters, store_failed},
};

#[derive(Deserialize)]
pub(crate) struct Page {
    #[serde(default = "default_limit")]
    limit: u32,
}

fn default_limit() -> u32 {
    100
}

#[derive(Serialize)]
pub(crate) struct StepBody {
    /// Milliseconds since 1970.
    at: i64,
    person: String,
    step: &'static str,
    detail: String,
}

pub(crate) async fn ledger(
    State(admin): State<Admin>,
    Parameters(Page { limit }): Parameters<Page>,
) -> Result<Body<Vec<StepBody>>, Problem> {
    let steps = admin.app.store().push_ledger(limit.min(1000)).await.map_err(store_failed)?;
    let steps = steps.into_iter().map(|step| StepBody {
        at: step.at.as_millis(),
        person: step.person.address(),
        step: step.step.as_str(),
        detail: step.detail,
    });
    Ok(Body(steps.collect()))
}
