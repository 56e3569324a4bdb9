//! Columns as the nouns of the domain.

use std::str::FromStr;

use fulmar_domain::{Timestamp, session::Activity};
use rusqlite::{OptionalExtension, Row, types::Type};

use crate::StoreError;

/// Wraps the error of a statement in that of the operation.
pub(crate) fn failed(operation: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| StoreError::Sql { operation, source }
}

/// A text column that is parsed into its type; what does not parse is a damaged database.
pub(crate) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    parse(row.get_ref(column)?.as_str()?, column)
}

/// The same for a column that may be NULL.
pub(crate) fn parsed_or_null<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.get_ref(column)?.as_str_or_null()?.map(|text| parse(text, column)).transpose()
}

pub(crate) fn parse<T>(text: &str, column: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

pub(crate) fn timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

/// The schema allows the two names only.
pub(crate) fn activity(row: &Row<'_>, column: usize) -> rusqlite::Result<Activity> {
    let background = row.get_ref(column)?.as_str()? == Activity::Background.as_str();
    Ok(if background { Activity::Background } else { Activity::Foreground })
}

/// No row is an answer, not an error.
pub(crate) fn found<T>(result: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    result.optional()
}
