//! Staging: which tables take the rows of a batch, and the COPY streams that fill them.
//!
//! A staged column is named by its place, `c0`, `c1`, …; beside them stand `_op` and, where the merge casts texts, `_file` and
//! `_row`, by which a bad value is found again. A table with 1,600 columns has no room for `_op`: then deletes go to a table of
//! their own.
//!
//! # Invariants
//! - A COPY is ended by `finish` or `abort` before its connection is used again.
//! - What is in memory of a stream is one slice of a batch, encoded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use bytes::BytesMut;
use futures::StreamExt;
use quarrel_model::bad_value::BadValuePolicy;
use quarrel_model::target::{Generation, LoadColumn, LoadPlan};
use quarrel_sql::fragment::CatalogType;
use quarrel_sql::postgres as sql;
use quarrel_sql::postgres::{Conversion, IdentityAlways, Merge, MergeColumn, StageColumn, StageShape, StageTable};
use sqlx::PgConnection;
use sqlx::postgres::PgCopyIn;
use tokio_util::sync::CancellationToken;

use super::copy::{CopyColumn, CopyEncoder, EncodeError, StageType, StagedRows};
use super::types::column_type;
use crate::reduced::{FILE, OPERATION, Quarantine, ROW, ReducedRows};
use crate::rows::{Layout, loaded_columns};
use crate::target::{BadValue, Load, TargetError};

/// Columns of a table, by Postgres's own limit.
const COLUMNS_MAX: usize = 1_600;
/// Bytes sent at once: large enough that a message's overhead is nothing, small enough to stay in caches.
const COPY_BUFFER_BYTES: usize = 1 << 20;
/// Rows encoded before what they take is sent, so that wide rows don't pile up.
const ROWS_PER_ENCODE: usize = 8_192;

/// How a batch is staged and merged, before any table exists.
#[derive(Debug)]
pub(super) struct StagePlan {
    pub(super) columns: Vec<LoadColumn>,
    pub(super) layout: Layout,
    stage_types: Vec<StageType>,
    /// Whether `_file` and `_row` are staged.
    pub(super) origins: Origins,
    /// Whether deletes have a table of their own.
    pub(super) tables: Tables,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origins {
    Staged,
    Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tables {
    One,
    Two,
}

/// What was staged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) upserts: u64,
    pub(super) deletes: u64,
    pub(super) quarantined: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Counts) {
        self.upserts += other.upserts;
        self.deletes += other.deletes;
        self.quarantined += other.quarantined;
    }
}

impl StagePlan {
    pub(super) fn of(load: &Load<'_>) -> Result<StagePlan, TargetError> {
        let columns = loaded_columns(load.plan, column_type)?;
        let layout = Layout::of(load.plan, &load.rows.schema(), &columns)?;
        let stage_types: Vec<StageType> =
            columns.iter().map(|column| StageType::of(&column.target.type_name)).collect();
        let casts = stage_types.contains(&StageType::Cast);
        let origins = if casts && columns.len() + 3 <= COLUMNS_MAX { Origins::Staged } else { Origins::Left };
        let tables = if columns.len() < COLUMNS_MAX { Tables::One } else { Tables::Two };
        Ok(StagePlan { columns, layout, stage_types, origins, tables })
    }

    /// Whether some column is cast in the merge.
    pub(super) fn has_casts(&self) -> bool {
        self.stage_types.contains(&StageType::Cast)
    }

    /// Whether a column is cast in the merge.
    pub(super) fn is_cast(&self, column: usize) -> bool {
        self.stage_types[column] == StageType::Cast
    }

    /// The statements of the merge. An explicit cast to a domain over text would cut what is too long; the assignment to
    /// such a column does not.
    pub(super) fn merge(
        &self,
        plan: &LoadPlan,
        shape: StageShape,
        text_domains: &[String],
    ) -> Result<Merge, TargetError> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (place, (column, stage)) in self.columns.iter().zip(&self.stage_types).enumerate() {
            let conversion = match stage {
                StageType::Cast if text_domains.contains(&column.target.name) => Conversion::Assigned,
                StageType::Cast => Conversion::Cast(self.catalog_type(plan, place)?),
                // Compared as text, trailing spaces would count.
                StageType::Text { padded: true, .. } => Conversion::Cast(own_type("bpchar")),
                StageType::Text { padded: false, .. } | StageType::Bool | StageType::Int2 => Conversion::Assigned,
                StageType::Int4 | StageType::Int8 | StageType::Float4 | StageType::Float8 => Conversion::Assigned,
                StageType::Numeric { .. } | StageType::Bytea | StageType::Uuid | StageType::Date => {
                    Conversion::Assigned
                }
                StageType::Time { .. } | StageType::Timestamp { .. } => Conversion::Assigned,
                StageType::Timestamptz { .. } | StageType::Json | StageType::Jsonb => Conversion::Assigned,
            };
            columns.push(MergeColumn {
                target: column.target.name.clone(),
                staged: staged_name(place),
                conversion,
                in_key: column.in_key,
                is_identity: match column.target.generation {
                    Generation::IdentityAlways => IdentityAlways::Yes,
                    Generation::None | Generation::Computed | Generation::IdentityByDefault => IdentityAlways::No,
                },
            });
        }
        Ok(Merge { target: plan.target.clone(), shape, columns })
    }

    /// The type of a loaded column, as the catalog spells it.
    pub(super) fn catalog_type(&self, plan: &LoadPlan, column: usize) -> Result<CatalogType, TargetError> {
        let target = &self.columns[column].target;
        CatalogType::from_catalog(&target.type_name).ok_or_else(|| TargetError::Refused {
            table: plan.target.clone(),
            what: "a load",
            why: format!("the type of column `{}` has an unusual name", target.name),
        })
    }

    /// The columns of the table that takes these rows, in the order of their COPY.
    pub(super) fn stage_columns(&self, rows: StagedRows) -> Vec<StageColumn> {
        let column =
            |name: &str, type_name: &str| StageColumn { name: name.to_owned(), type_name: own_type(type_name) };
        let mut columns = match rows {
            StagedRows::All => vec![column(OPERATION, "\"char\"")],
            StagedRows::Upserts | StagedRows::Deletes => Vec::new(),
        };
        for (place, (load, stage)) in self.columns.iter().zip(&self.stage_types).enumerate() {
            if load.in_key || rows != StagedRows::Deletes {
                columns.push(column(&staged_name(place), stage.stage_type_sql()));
            }
        }
        if self.stages_origins(rows) {
            columns.extend([column(FILE, "integer"), column(ROW, "bigint")]);
        }
        columns
    }

    fn stages_origins(&self, rows: StagedRows) -> bool {
        self.origins == Origins::Staged && rows == StagedRows::All
    }

    /// The staged names of the key, for statistics.
    pub(super) fn key_names(&self) -> Vec<String> {
        let numbered = self.columns.iter().enumerate().filter(|(_, column)| column.in_key);
        numbered.map(|(place, _)| staged_name(place)).collect()
    }

    fn encoder(&self, load: &Load<'_>, rows: StagedRows) -> Result<CopyEncoder, TargetError> {
        let schema = load.rows.schema();
        let columns = self.columns.iter().zip(&self.layout.columns).zip(&self.stage_types);
        let mut columns: Vec<CopyColumn> = columns
            .map(|((column, source_index), stage)| CopyColumn {
                target: column.target.name.clone(),
                source_index: *source_index,
                stage: *stage,
                nullable: column.target.nullable,
                policy: column.on_bad_value,
                in_key: column.in_key,
            })
            .collect();
        let (operation, file, row) = self.layout.own_columns();
        if self.stages_origins(rows) {
            let own = |name: &str, source_index, stage| CopyColumn {
                target: name.to_owned(),
                source_index,
                stage,
                nullable: true,
                policy: BadValuePolicy::Fail,
                in_key: false,
            };
            columns.extend([own(FILE, file, StageType::Int4), own(ROW, row, StageType::Int8)]);
        }
        let encoder = CopyEncoder::new(&schema, columns, operation, file, row);
        encoder.map(|encoder| encoder.only(rows)).map_err(|found| TargetError::Incompatible {
            table: load.plan.target.clone(),
            column: found.column,
            from: found.from,
            to: found.to,
        })
    }
}

fn staged_name(place: usize) -> String {
    format!("c{place}")
}

fn own_type(name: &str) -> CatalogType {
    CatalogType::from_catalog(name).expect("our own spellings have no separators")
}

/// The parts of a batch on their way into one staging table, shared by the streams that carry them.
pub(super) struct CopyJob {
    rows: Arc<dyn ReducedRows>,
    quarantine: Arc<dyn Quarantine>,
    cancel: CancellationToken,
    encoder: CopyEncoder,
    statement: quarrel_sql::Sql,
    plan: LoadPlan,
    next_part: AtomicUsize,
}

impl CopyJob {
    pub(super) fn new(
        load: &Load<'_>,
        staging: &StagePlan,
        table: &StageTable,
        rows: StagedRows,
        cancel: CancellationToken,
    ) -> Result<CopyJob, TargetError> {
        let statement = sql::copy_stage(table, &staging.stage_columns(rows));
        Ok(CopyJob {
            rows: Arc::clone(&load.rows),
            quarantine: Arc::clone(&load.quarantine),
            cancel,
            encoder: staging.encoder(load, rows)?,
            statement: statement.map_err(|source| TargetError::Render { table: load.plan.target.clone(), source })?,
            plan: load.plan.clone(),
            next_part: AtomicUsize::new(0),
        })
    }

    /// Rows that go straight into a table by this statement, which names the loaded columns in their order; all are inserts.
    pub(super) fn straight(
        load: &Load<'_>,
        staging: &StagePlan,
        statement: quarrel_sql::Sql,
    ) -> Result<CopyJob, TargetError> {
        Ok(CopyJob {
            rows: Arc::clone(&load.rows),
            quarantine: Arc::clone(&load.quarantine),
            cancel: load.cancel.clone(),
            encoder: staging.encoder(load, StagedRows::Upserts)?,
            statement,
            plan: load.plan.clone(),
            next_part: AtomicUsize::new(0),
        })
    }

    /// Carries parts until none is left.
    pub(super) async fn run(&self, connection: &mut PgConnection) -> Result<Counts, TargetError> {
        let mut copy =
            connection.copy_in_raw(self.statement.as_str()).await.map_err(|source| self.stage_failed(source))?;
        match self.send_parts(&mut copy).await {
            Ok(counts) => {
                copy.finish().await.map_err(|source| self.stage_failed(source))?;
                Ok(counts)
            }
            Err(error) => {
                if let Err(abort) = copy.abort("the batch can't be staged").await {
                    tracing::debug!(table = %self.plan.target, error = %abort, "failed to abort a COPY");
                }
                Err(error)
            }
        }
    }

    async fn send_parts(&self, copy: &mut PgCopyIn<&mut PgConnection>) -> Result<Counts, TargetError> {
        let mut counts = Counts::default();
        let mut buffer = BytesMut::with_capacity(2 * COPY_BUFFER_BYTES);
        CopyEncoder::header(&mut buffer);
        loop {
            let part = self.next_part.fetch_add(1, Ordering::Relaxed);
            if part >= self.rows.parts() {
                break;
            }
            let mut batches = self.rows.open(part).await.map_err(|source| self.reduced_failed(source))?;
            while let Some(batch) = batches.next().await {
                let batch = batch.map_err(|source| self.reduced_failed(source))?;
                counts.add(self.send_batch(copy, &mut buffer, &batch).await?);
            }
        }
        CopyEncoder::trailer(&mut buffer);
        self.send(copy, &mut buffer).await?;
        Ok(counts)
    }

    async fn send_batch(
        &self,
        copy: &mut PgCopyIn<&mut PgConnection>,
        buffer: &mut BytesMut,
        batch: &RecordBatch,
    ) -> Result<Counts, TargetError> {
        let mut counts = Counts::default();
        for start in (0..batch.num_rows()).step_by(ROWS_PER_ENCODE) {
            if self.cancel.is_cancelled() {
                return Err(TargetError::Cancelled { batch: self.plan.batch.clone() });
            }
            let slice = batch.slice(start, ROWS_PER_ENCODE.min(batch.num_rows() - start));
            let encoded = self.encoder.encode(&slice, buffer).map_err(|error| self.encode_failed(error))?;
            if !encoded.quarantined.is_empty() {
                let kept = self.quarantine.keep(&slice, &encoded.quarantined).await;
                kept.map_err(|source| TargetError::Quarantine { batch: self.plan.batch.clone(), source })?;
            }
            counts.add(Counts {
                upserts: encoded.upserts as u64,
                deletes: encoded.deletes as u64,
                quarantined: encoded.quarantined.len() as u64,
            });
            if buffer.len() >= COPY_BUFFER_BYTES {
                self.send(copy, buffer).await?;
            }
        }
        Ok(counts)
    }

    async fn send(&self, copy: &mut PgCopyIn<&mut PgConnection>, buffer: &mut BytesMut) -> Result<(), TargetError> {
        for chunk in buffer.chunks(COPY_BUFFER_BYTES) {
            copy.send(chunk).await.map_err(|source| self.stage_failed(source))?;
        }
        buffer.clear();
        Ok(())
    }

    fn stage_failed(&self, source: sqlx::Error) -> TargetError {
        TargetError::Stage { table: self.plan.target.clone(), batch: self.plan.batch.clone(), source }
    }

    fn reduced_failed(&self, source: crate::reduced::ReducedError) -> TargetError {
        TargetError::Reduced { batch: self.plan.batch.clone(), source }
    }

    fn encode_failed(&self, error: EncodeError) -> TargetError {
        let table = self.plan.target.clone();
        match error {
            EncodeError::BadValue { column, key, reason, file, row } => {
                BadValue { table, column, key, reason, file: self.rows.file_name(file), row }.into()
            }
            EncodeError::NullKey { column, key, file, row } => {
                let reason = "is NULL, and it is part of the key".to_owned();
                BadValue { table, column, key, reason, file: self.rows.file_name(file), row }.into()
            }
            EncodeError::UnknownOperation { operation, file, row } => {
                TargetError::UnknownOperation { table, operation, file: self.rows.file_name(file), row }
            }
            EncodeError::Schema { .. } => {
                TargetError::Refused { table, what: "a load", why: format!("parts differ in their columns: {error}") }
            }
        }
    }
}
