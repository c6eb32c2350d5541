//! Decides how each column travels: as the source's bytes, or cast by the source to the target's type; and whether all can
//! travel in binary.
//!
//! # Invariants
//! - A cast names a type without modifiers: an explicit cast to `varchar(5)` would cut in silence. Limits are the target's to
//!   check, as it reads the rows.

use std::collections::BTreeMap;

use quarrel_model::replace::ReplacePlan;
use quarrel_sql::direct as sql;
use quarrel_sql::direct::SourceColumn;
use quarrel_sql::fragment::CatalogType;
use quarrel_sql::replace::CopyFormat;
use sqlx::PgConnection;

/// A column of one side; a domain counts as its base type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColumnOnWire {
    pub(super) name: String,
    /// Without modifiers.
    pub(super) type_name: String,
    /// Whether every server has the type.
    pub(super) is_builtin: bool,
    pub(super) is_enum: bool,
    /// Whether its binary form means the same everywhere.
    pub(super) is_portable: bool,
}

/// What is read, and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// In the order of the plan's columns.
    pub(super) columns: Vec<SourceColumn>,
    pub(super) format: CopyFormat,
}

/// A column of the plan that one side lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoColumn {
    #[error("the source has no column `{0}`")]
    AtSource(String),
    #[error("the target has no column `{0}`")]
    AtTarget(String),
}

pub(super) async fn read(connection: &mut PgConnection, oid: i64) -> Result<Vec<ColumnOnWire>, sqlx::Error> {
    type Found = (String, String, bool, bool, bool);
    let found: Vec<Found> = sqlx::query_as(sql::COLUMN_TYPES.text()).bind(oid).fetch_all(connection).await?;
    let column = |(name, type_name, is_builtin, is_enum, is_portable): Found| ColumnOnWire {
        name,
        type_name,
        is_builtin,
        is_enum,
        is_portable,
    };
    Ok(found.into_iter().map(column).collect())
}

/// Decides for all columns of a plan. Text is taken when one column needs it: every type has a text form.
pub(super) fn route(
    plan: &ReplacePlan,
    source: &[ColumnOnWire],
    target: &[ColumnOnWire],
    casts: &BTreeMap<String, CatalogType>,
) -> Result<Route, NoColumn> {
    let mut route = Route { columns: Vec::with_capacity(plan.columns.len()), format: CopyFormat::Binary };
    for column in &plan.columns {
        let find = |columns: &[ColumnOnWire], name: &str| columns.iter().find(|found| found.name == name).cloned();
        let from = find(source, &column.source).ok_or_else(|| NoColumn::AtSource(column.source.clone()))?;
        let to = find(target, &column.target.name).ok_or_else(|| NoColumn::AtTarget(column.target.name.clone()))?;
        let (cast, format) = match casts.get(&column.source) {
            Some(cast) => (Some(cast.clone()), if to.is_portable { CopyFormat::Binary } else { CopyFormat::Text }),
            None => travel(&from, &to),
        };
        if format == CopyFormat::Text {
            route.format = CopyFormat::Text;
        }
        route.columns.push(SourceColumn { name: column.source.clone(), cast });
    }
    Ok(route)
}

/// How a column without a cast of its own travels.
fn travel(from: &ColumnOnWire, to: &ColumnOnWire) -> (Option<CatalogType>, CopyFormat) {
    let portable = if from.is_portable && to.is_portable { CopyFormat::Binary } else { CopyFormat::Text };
    if from.type_name == to.type_name || (from.is_enum && to.is_enum) {
        return (None, portable);
    }
    if to.is_builtin {
        let binary = if to.is_portable { CopyFormat::Binary } else { CopyFormat::Text };
        return (CatalogType::from_catalog(&to.type_name), binary);
    }
    // The source may not have the target's type; its text form is read as a literal of it would be.
    (None, CopyFormat::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(type_name: &str, is_builtin: bool, is_enum: bool, is_portable: bool) -> ColumnOnWire {
        ColumnOnWire { name: "c".to_owned(), type_name: type_name.to_owned(), is_builtin, is_enum, is_portable }
    }

    #[test]
    fn equal_types_travel_as_they_are_and_others_are_cast_or_written_as_text() {
        let builtin = |name: &str| column(name, true, false, true);
        let mood = |name: &str| column(name, false, true, true);
        let point = column("app.point", false, false, false);
        let cast = |name: &str| CatalogType::from_catalog(name);
        let cases = [
            (builtin("bigint"), builtin("bigint"), (None, CopyFormat::Binary)),
            (builtin("integer"), builtin("bigint"), (cast("bigint"), CopyFormat::Binary)),
            (mood("live.mood"), mood("replica.mood"), (None, CopyFormat::Binary)),
            (mood("live.mood"), builtin("text"), (cast("text"), CopyFormat::Binary)),
            (builtin("text"), mood("replica.mood"), (None, CopyFormat::Text)),
            (point.clone(), point.clone(), (None, CopyFormat::Text)),
            (point, builtin("text"), (cast("text"), CopyFormat::Binary)),
        ];
        for (from, to, expected) in cases {
            assert_eq!(travel(&from, &to), expected, "{} to {}", from.type_name, to.type_name);
        }
    }
}
