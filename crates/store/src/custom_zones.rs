//! Records and zones of the administrator's own, and what the last change of them replaced.

use fulmar_domain::{
    custom_zone::{Content, CustomZone},
    zone::Generation,
};
use rusqlite::{Row, params};

use crate::{
    Store, StoreError,
    rows::{found, parsed},
    secondaries::raise_generation,
};

impl Store {
    /// All of them, the records first.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn custom_zones(&self) -> Result<Vec<CustomZone>, StoreError> {
        self.read("read the custom zones", |sql| {
            let select =
                "SELECT content, apex, sides, text FROM custom_zone ORDER BY content, apex, sides DESC";
            sql.prepare_cached(select)?.query_map([], stored)?.collect()
        })
        .await
    }

    /// What the last change replaced; `None` when there was no change.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn custom_zone_before(&self) -> Result<Option<CustomZone>, StoreError> {
        self.read("read what was changed last", |sql| {
            let select = "SELECT content, apex, sides, text FROM custom_zone_before";
            found(sql.query_row(select, [], stored))
        })
        .await
    }

    /// Keeps a text in the place of the one before, or forgets it where it is empty, if the office still has the
    /// generation for which it was looked at. Gives the next one; `None` when the office is another by now and
    /// nothing was changed.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_custom_zone(
        &self,
        zone: CustomZone,
        looked_at: Generation,
    ) -> Result<Option<Generation>, StoreError> {
        self.change("change a custom zone", move |tx| {
            if crate::office::generation(tx.sql)? != Some(looked_at.0) {
                return Ok(None);
            }
            let (content, apex, sides) = (zone.content.as_str(), zone.apex.as_str(), zone.sides.as_str());
            tx.sql.execute(
                "INSERT OR REPLACE INTO custom_zone_before (id, content, apex, sides, text)
                 VALUES (1, ?1, ?2, ?3, coalesce((SELECT text FROM custom_zone
                     WHERE content = ?1 AND apex = ?2 AND sides = ?3), ''))",
                params![content, apex, sides],
            )?;
            if zone.text.is_empty() {
                let delete = "DELETE FROM custom_zone WHERE content = ?1 AND apex = ?2 AND sides = ?3";
                tx.sql.execute(delete, params![content, apex, sides])?;
            } else {
                let insert = "INSERT OR REPLACE INTO custom_zone (content, apex, sides, text)
                     VALUES (?1, ?2, ?3, ?4)";
                tx.sql.execute(insert, params![content, apex, sides, zone.text])?;
            }
            Ok(raise_generation(tx)?.map(Generation))
        })
        .await
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<CustomZone> {
    // The schema allows the two words only.
    let is_zone = row.get_ref(0)?.as_str()? == Content::Zone.as_str();
    let content = if is_zone { Content::Zone } else { Content::Records };
    Ok(CustomZone { content, apex: parsed(row, 1)?, sides: parsed(row, 2)?, text: row.get(3)? })
}
