use axum::{Json as Body, extract::State};
use fulmar_domain::{office::Side, zone::Zone};
use fulmar_http::Problem;
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::Parameters,
    office::{RecordBody, current},
};

#[derive(Deserialize)]
pub(crate) struct View {
    #[serde(default)]
    side: SideName,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SideName {
    #[default]
    Inside,
    Outside,
}

#[derive(Serialize)]
pub(crate) struct ZoneBody {
    apex: String,
    records: Vec<RecordBody>,
}

pub(crate) async fn zones(
    State(admin): State<Admin>,
    Parameters(View { side }): Parameters<View>,
) -> Result<Body<Vec<ZoneBody>>, Problem> {
    let (office, generation) = current(&admin).await?;
    let side = match side {
        SideName::Inside => Side::Inside,
        SideName::Outside => Side::Outside,
    };
    Ok(Body(office.zones(side, generation).iter().map(zone).collect()))
}

fn zone(zone: &Zone) -> ZoneBody {
    ZoneBody { apex: format!("{}.", zone.apex), records: zone.records.iter().map(RecordBody::of).collect() }
}
