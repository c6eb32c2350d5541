//! Postgres straight into Postgres: COPY's bytes of the source go into the table beside the target as they come.
//!
//! A [`DirectSnapshot`] holds one transaction of the source open, whose snapshot all readers share; so the copy is of one
//! moment. The table is cut into ranges of its pages; each range is a part of the load, committed by itself with its record
//! ([`copy_direct`]).
//!
//! # Resuming
//! A snapshot can't be taken a second time: it lasts as long as the connection that holds it. While it lasts, a range whose
//! connection is lost is read again, by itself. Once it is gone, the ranges loaded under it are worthless, since other ranges
//! would be of another moment: a new snapshot is another load, with an id of its own, and opening it drops the old table.
//!
//! # Invariants
//! - Nothing is decoded: what is in memory of a stream is one buffer.
//! - The source's table is locked against rewriting before the snapshot is taken, and read only.

mod columns;
mod copy;
mod pace;
mod pipe;

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use chrono::{DateTime, Utc};
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::replace::{LoadId, ReplacePlan};
use quarrel_sql::direct as sql;
use quarrel_sql::direct::Extent;
use quarrel_sql::fragment::CatalogType;
use quarrel_sql::postgres as postgres_sql;
use sqlx::PgConnection;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

pub use self::copy::copy_direct;

use self::columns::ColumnOnWire;
use super::PostgresTarget;
use super::describe::{Resolved, resolve};
use crate::pool::Session;
use crate::replace::ReplaceError;
use crate::statement::statement;
use crate::target::TargetError;

/// A range that is read again is read whole, and workers end together only if ranges are small; much smaller ones would cost
/// more transactions than they save.
const RANGE_BYTES: u64 = 16 << 20;
/// Postgres's pages, unless it was built otherwise: then ranges are larger or smaller, and nothing else.
const PAGE_BYTES: u64 = 8 << 10;

/// How a source is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectOptions {
    /// Bytes of a range, about: whole pages, without what is stored out of line.
    pub range_bytes: u64,
}

impl Default for DirectOptions {
    fn default() -> Self {
        DirectOptions { range_bytes: RANGE_BYTES }
    }
}

/// A part of the source: some pages of one table, or a whole one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectRange {
    /// What the part is recorded by: `public.orders, pages 0 to 8191`.
    pub name: String,
    table: QualifiedName,
    extent: Extent,
}

/// The source at one moment, for as long as this value lives.
#[derive(Debug)]
pub struct DirectSnapshot {
    /// The source as its catalog has it.
    source_table: QualifiedName,
    /// The connection whose transaction the snapshot belongs to; when the pool has no other, it reads as well.
    holder: Arc<Mutex<Session>>,
    /// The snapshot's name.
    name: String,
    instant: DateTime<Utc>,
    ranges: Vec<DirectRange>,
    columns: Vec<ColumnOnWire>,
    rows_estimate: Option<u64>,
    bytes: u64,
}

/// The arguments of [`copy_direct`].
#[derive(Debug, Clone)]
pub struct DirectCopy<'a> {
    /// Its columns' `source` are columns of the source table.
    pub plan: &'a ReplacePlan,
    /// Source columns that are read as `CAST(column AS type)`. Others are read as they are, or cast to the target's type
    /// (without its modifiers) where that is another one.
    pub casts: BTreeMap<String, CatalogType>,
    /// Ranges read at a time, at most; the pools may allow fewer.
    pub workers: usize,
    /// Shared by all workers.
    pub rows_per_second: Option<NonZeroU64>,
    /// Grows as rows are sent; rows that are sent again count again.
    pub rows_done: Arc<AtomicU64>,
    pub cancel: CancellationToken,
}

/// schema, name, whether it can be read alone, pages, bytes, rows estimated
type LeafRow = (String, String, bool, Option<i64>, i64, f64);

impl DirectSnapshot {
    /// Takes a snapshot of a table (partitioned or not), view or materialized view.
    ///
    /// # Errors
    /// The source can't be connected to or read, or there is no such table.
    pub async fn open(
        source: &PostgresTarget,
        table: &QualifiedName,
        options: &DirectOptions,
    ) -> Result<DirectSnapshot, ReplaceError> {
        let failed =
            |source| ReplaceError::ReadSource { source_table: table.clone(), range: "its snapshot".to_owned(), source };
        let mut session = Session::open(&source.pool).await?;
        let resolved = resolve(&mut session, table).await.map_err(failed)?;
        let Resolved { oid, name, .. } = resolved.ok_or_else(|| ReplaceError::NoTable { table: table.clone() })?;
        let micros: i64 =
            sqlx::query_scalar(sql::SOURCE_CLOCK.text()).fetch_one(&mut *session).await.map_err(failed)?;
        let instant = DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::<Utc>::MIN_UTC);
        begin(&mut session).await.map_err(failed)?;
        let lock = sql::lock_source(&name).map_err(|source| TargetError::Render { table: table.clone(), source })?;
        sqlx::raw_sql(statement(&lock)).execute(&mut *session).await.map_err(failed)?;
        sqlx::query(sql::KEEP_OPEN.text()).execute(&mut *session).await.map_err(failed)?;
        let snapshot: String =
            sqlx::query_scalar(sql::EXPORT_SNAPSHOT.text()).fetch_one(&mut *session).await.map_err(failed)?;
        let leaves: Vec<LeafRow> =
            sqlx::query_as(sql::LEAVES.text()).bind(oid).fetch_all(&mut *session).await.map_err(failed)?;
        let columns = columns::read(&mut session, oid).await.map_err(failed)?;
        let estimates = || leaves.iter().map(|leaf| leaf.5);
        // Below zero: never analysed.
        let is_estimated = !leaves.is_empty() && estimates().all(|rows| rows >= 0.0);
        Ok(DirectSnapshot {
            ranges: leaves.iter().flat_map(|leaf| ranges_of(leaf, options)).collect(),
            rows_estimate: is_estimated.then(|| estimates().sum::<f64>() as u64),
            bytes: leaves.iter().map(|leaf| u64::try_from(leaf.4).unwrap_or(0)).sum(),
            holder: Arc::new(Mutex::new(session)),
            source_table: name,
            name: snapshot,
            instant,
            columns,
        })
    }

    /// The source's clock just before the snapshot was taken: what the snapshot lacks is committed later.
    pub fn instant(&self) -> DateTime<Utc> {
        self.instant
    }

    /// The load of this snapshot.
    pub fn load_id(&self, table: &TableName) -> LoadId {
        LoadId::of_snapshot(table, &self.name, &self.instant.to_rfc3339())
    }

    /// The parts of the load.
    pub fn ranges(&self) -> &[DirectRange] {
        &self.ranges
    }

    /// Rows by the source's own estimate, where it has one.
    pub fn rows_estimate(&self) -> Option<u64> {
        self.rows_estimate
    }

    /// Bytes on the source's disk, without indexes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends the snapshot.
    pub async fn close(self) {
        // The connection is closed: that ends its transaction.
        drop(self);
    }
}

/// Begins a transaction on a connection that is closed when it is done.
async fn begin(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(postgres_sql::BEGIN_SNAPSHOT.text()).execute(connection).await.map(|_| ())
}

/// Cuts one table. The last range has no end: it takes what the table has grown by since.
fn ranges_of(leaf: &LeafRow, options: &DirectOptions) -> Vec<DirectRange> {
    let (schema, name, is_alone, pages, ..) = leaf;
    let table = QualifiedName { schema: Some(schema.clone()), name: name.clone() };
    let range = |name: String, extent: Extent| DirectRange { name, table: table.clone(), extent };
    let Some(pages) = pages.and_then(|pages| u64::try_from(pages).ok()) else {
        let extent = if *is_alone { Extent::Only } else { Extent::All };
        return vec![range(table.to_string(), extent)];
    };
    let step = (options.range_bytes / PAGE_BYTES).max(1);
    let mut ranges = Vec::new();
    let mut first = 0;
    while first + step < pages {
        let end = first + step;
        let name = format!("{table}, pages {first} to {}", end - 1);
        ranges.push(range(name, Extent::Pages { first, end: Some(end) }));
        first = end;
    }
    ranges.push(range(format!("{table}, pages {first} to the end"), Extent::Pages { first, end: None }));
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_every_page_once_and_the_last_has_no_end() {
        let leaf = |pages| ("s".to_owned(), "t".to_owned(), true, pages, 0, 0.0);
        let cut = |pages: Option<i64>| {
            let ranges = ranges_of(&leaf(pages), &DirectOptions { range_bytes: 4 * PAGE_BYTES });
            ranges.into_iter().map(|range| range.extent).collect::<Vec<_>>()
        };
        let pages = |first, end| Extent::Pages { first, end };
        assert_eq!(cut(Some(0)), [pages(0, None)]);
        assert_eq!(cut(Some(4)), [pages(0, None)]);
        assert_eq!(cut(Some(9)), [pages(0, Some(4)), pages(4, Some(8)), pages(8, None)]);
        assert_eq!(cut(None), [Extent::Only]);
    }
}
