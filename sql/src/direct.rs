//! Statements that read a Postgres table in ranges under one snapshot, to be copied into another Postgres as they come.

use quarrel_model::names::QualifiedName;

use crate::fragment::{CatalogType, Sql};
use crate::replace::CopyFormat;
use crate::template::{RenderError, Template, Value, template};

/// Reads the source's clock.
pub const SOURCE_CLOCK: Template = template!("postgres/direct/source_clock.sql");
/// Gives other sessions this transaction's snapshot.
pub const EXPORT_SNAPSHOT: Template = template!("postgres/direct/export_snapshot.sql");
/// Keeps the server from ending an idle transaction.
pub const KEEP_OPEN: Template = template!("postgres/direct/keep_open.sql");
/// Lists the tables that hold a table's rows.
pub const LEAVES: Template = template!("postgres/direct/leaves.sql");
/// Tells how columns travel in binary COPY.
pub const COLUMN_TYPES: Template = template!("postgres/direct/column_types.sql");

const IMPORT_SNAPSHOT: Template = template!("postgres/direct/import_snapshot.sql");
const LOCK_SOURCE: Template = template!("postgres/direct/lock_source.sql");
const COPY_OUT: Template = template!("postgres/direct/copy_out.sql");
const COPY_OUT_ONLY: Template = template!("postgres/direct/copy_out_only.sql");
const COPY_OUT_RANGE: Template = template!("postgres/direct/copy_out_range.sql");
const COPY_OUT_REST: Template = template!("postgres/direct/copy_out_rest.sql");

/// What of a table one statement reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// Everything it shows: of a view, or of a foreign table.
    All,
    /// Its own rows, not those of children.
    Only,
    /// Its own rows in these pages; without an end, all from the first on.
    Pages { first: u64, end: Option<u64> },
}

/// A column that is read: as it is, or cast to a type first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceColumn {
    pub name: String,
    pub cast: Option<CatalogType>,
}

/// Reads rows as COPY's bytes.
///
/// # Errors
/// A template that doesn't fit its values, here and below: a defect of this crate.
pub fn copy_out(
    table: &QualifiedName,
    extent: &Extent,
    columns: &[SourceColumn],
    format: CopyFormat,
) -> Result<Sql, RenderError> {
    let format = match format {
        CopyFormat::Binary => "binary",
        CopyFormat::Text => "text",
    };
    let mut values = vec![
        ("columns", Value::List(columns.iter().map(|column| vec![expression(column)]).collect())),
        ("table", Sql::table(table).into()),
        ("format", Sql::rendered(format.to_owned()).into()),
    ];
    let template = match extent {
        Extent::All => COPY_OUT,
        Extent::Only => COPY_OUT_ONLY,
        Extent::Pages { first, end } => {
            values.push(("first", row_of_page(*first).into()));
            match end {
                Some(end) => {
                    values.push(("end", row_of_page(*end).into()));
                    COPY_OUT_RANGE
                }
                None => COPY_OUT_REST,
            }
        }
    };
    template.render(values)
}

fn expression(column: &SourceColumn) -> Sql {
    let name = format!("source.{}", Sql::name(&column.name));
    Sql::rendered(match &column.cast {
        None => name,
        Some(type_name) => format!("CAST({name} AS {})", Sql::type_name(type_name)),
    })
}

/// The place before a page's first row.
fn row_of_page(page: u64) -> Sql {
    Sql::text(&format!("({page},0)"))
}

/// Lets a transaction see what another one sees.
///
/// # Errors
/// As [`copy_out`].
pub fn import_snapshot(snapshot: &str) -> Result<Sql, RenderError> {
    IMPORT_SNAPSHOT.render([("snapshot", Sql::text(snapshot).into())])
}

/// Keeps a table from being rewritten.
///
/// # Errors
/// As [`copy_out`].
pub fn lock_source(table: &QualifiedName) -> Result<Sql, RenderError> {
    LOCK_SOURCE.render([("table", Sql::table(table).into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_their_pages_and_the_last_one_all_that_follow() {
        let table = QualifiedName { schema: Some("s".to_owned()), name: "T".to_owned() };
        let cast = CatalogType::from_catalog("bigint");
        let columns = [SourceColumn { name: "a".to_owned(), cast: None }, SourceColumn { name: "b".to_owned(), cast }];
        let text = |extent: Extent| {
            let sql = copy_out(&table, &extent, &columns, CopyFormat::Binary).unwrap();
            sql.as_str().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            text(Extent::Pages { first: 10, end: Some(20) }),
            "COPY ( SELECT source.\"a\", CAST(source.\"b\" AS bigint) FROM ONLY \"s\".\"T\" AS source \
             WHERE source.ctid >= '(10,0)'::tid AND source.ctid < '(20,0)'::tid ) TO STDOUT (FORMAT binary)"
        );
        assert!(text(Extent::Pages { first: 20, end: None }).contains("source.ctid >= '(20,0)'::tid )"));
        assert!(text(Extent::All).contains("FROM \"s\".\"T\" AS source)"));
    }
}
