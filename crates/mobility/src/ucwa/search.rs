//! Finding people.

use fulmar_domain::search::{SearchLimit, SearchQuery};
use fulmar_wire::ucwa::Resource;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given},
    people,
};

/// `GET search`: those whose name, address or phone number fits.
pub(super) async fn show(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let query: SearchQuery = given.parsed("query")?;
    let limit = given.optional("limit")?.unwrap_or(SearchLimit::MAX);
    let shown = utf8_percent_encode(query.as_str(), NON_ALPHANUMERIC);
    let shown = asker.hrefs.at(&format!("people/search?query={shown}&limit={}", limit.get()));
    let found = asker.app.store().search(asker.account.id, query, limit).await?;
    let contacts = found.people.iter().map(|contact| people::contact(contact, &asker.hrefs)).collect();
    let result = Resource::new("search", shown).property("moreResultsAvailable", found.more);
    Ok(Answer::Found(result.embed_all("contact", contacts)))
}
