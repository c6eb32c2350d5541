//! What the catalog says of a table that is to be replaced: mostly whole statements, spelled and quoted by the database.

use quarrel_sql::Sql;
use quarrel_sql::fragment::CatalogStatement;
use quarrel_sql::replace as sql;
use sqlx::PgConnection;

use super::Place;

/// The building of one index or constraint.
pub(super) struct BuildStep {
    /// `index orders_by_day`
    pub(super) what: String,
    /// None when the definition can't be read.
    pub(super) statement: Option<Sql>,
    /// Gives an index its name, once the new table is in its place.
    pub(super) rename: Option<Sql>,
    pub(super) is_built: bool,
}

/// A view that reads the table.
pub(super) struct ViewSwap {
    /// Keeps readers off it; changes nothing.
    pub(super) lock: Sql,
    /// Makes it read the table that now has the name.
    pub(super) definition: Sql,
}

/// A sequence of a column.
pub(super) struct SequenceSwap {
    pub(super) column: String,
    /// Whether it counts upwards in a whole number: then it is set past the column's values.
    pub(super) counts: bool,
    pub(super) old_oid: i64,
    pub(super) new_oid: i64,
    pub(super) own: Option<Sql>,
    pub(super) rename: Option<Sql>,
}

/// What the new table gets beside its rows.
#[derive(Default)]
pub(super) struct Dress {
    pub(super) first: Vec<Sql>,
    /// Once the old table is gone, and indexes have their names.
    pub(super) last: Vec<Sql>,
}

fn spelled(statement: String) -> Sql {
    Sql::catalog_statement(&CatalogStatement::from_catalog(statement))
}

/// What keeps the table from being replaced.
pub(super) async fn refusals(connection: &mut PgConnection, oid: i64) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(sql::REFUSALS.text()).bind(oid).fetch_all(connection).await
}

/// Names in what is spelled have their schema from here on, until the transaction ends.
pub(super) async fn qualify_names(tx: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query(sql::QUALIFY_NAMES.text()).execute(tx).await.map(|_| ())
}

pub(super) async fn find_beside(connection: &mut PgConnection, place: &Place) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(sql::FIND_BESIDE.text()).bind(&place.beside.name).fetch_optional(connection).await
}

pub(super) async fn same_columns(connection: &mut PgConnection, one: i64, other: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(sql::SAME_COLUMNS.text()).bind(one).bind(other).fetch_one(connection).await
}

pub(super) async fn create_statements(connection: &mut PgConnection, place: &Place) -> Result<Vec<Sql>, sqlx::Error> {
    let found: Vec<String> = sqlx::query_scalar(sql::CREATE_STATEMENTS.text())
        .bind(place.oid)
        .bind(Sql::table(&place.beside).as_str())
        .fetch_all(connection)
        .await?;
    Ok(found.into_iter().map(spelled).collect())
}

pub(super) async fn build_steps(
    connection: &mut PgConnection,
    place: &Place,
    beside: i64,
) -> Result<Vec<BuildStep>, sqlx::Error> {
    let found: Vec<(String, Option<String>, Option<String>, bool)> = sqlx::query_as(sql::BUILD_STATEMENTS.text())
        .bind(place.oid)
        .bind(Sql::table(&place.beside).as_str())
        .bind(beside)
        .bind(&place.beside.name)
        .fetch_all(connection)
        .await?;
    let step = |(what, statement, rename, is_built): (String, Option<String>, Option<String>, bool)| BuildStep {
        what,
        statement: statement.map(spelled),
        rename: rename.map(spelled),
        is_built,
    };
    Ok(found.into_iter().map(step).collect())
}

pub(super) async fn views(connection: &mut PgConnection, place: &Place) -> Result<Vec<ViewSwap>, sqlx::Error> {
    let found: Vec<(String, String)> = sqlx::query_as(sql::VIEWS.text()).bind(place.oid).fetch_all(connection).await?;
    let view = |(lock, definition): (String, String)| ViewSwap { lock: spelled(lock), definition: spelled(definition) };
    Ok(found.into_iter().map(view).collect())
}

pub(super) async fn sequences(
    connection: &mut PgConnection,
    place: &Place,
    beside: i64,
) -> Result<Vec<SequenceSwap>, sqlx::Error> {
    type Found = (String, bool, i64, i64, Option<String>, Option<String>);
    let found: Vec<Found> = sqlx::query_as(sql::SEQUENCES.text())
        .bind(place.oid)
        .bind(beside)
        .bind(Sql::table(&place.target).as_str())
        .fetch_all(connection)
        .await?;
    let sequence = |(column, counts, old_oid, new_oid, own, rename): Found| SequenceSwap {
        column,
        counts,
        old_oid,
        new_oid,
        own: own.map(spelled),
        rename: rename.map(spelled),
    };
    Ok(found.into_iter().map(sequence).collect())
}

pub(super) async fn dress(connection: &mut PgConnection, place: &Place, beside: i64) -> Result<Dress, sqlx::Error> {
    let found: Vec<(bool, String)> =
        sqlx::query_as(sql::DRESS_STATEMENTS.text()).bind(place.oid).bind(beside).fetch_all(connection).await?;
    let mut dress = Dress::default();
    for (is_last, statement) in found {
        let list = if is_last { &mut dress.last } else { &mut dress.first };
        list.push(spelled(statement));
    }
    Ok(dress)
}
