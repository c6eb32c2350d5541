//! The load that is read straight from the source: in one snapshot, by several streams, from Postgres into Postgres.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use quarrel_connect::postgres::PostgresTarget;
use quarrel_connect::postgres::direct::{DirectCopy, DirectOptions, DirectSnapshot, copy_direct};
use quarrel_model::change_file::FileOrder;
use quarrel_model::config::{Engine, Source, Table};
use quarrel_model::mapping::{ReadAs, TargetEngine};
use quarrel_model::migration::Migration;
use quarrel_model::replace::{PartReceipt, ReplacePlan};
use quarrel_model::schema::{ColumnType, FileColumn, FileSchema};
use quarrel_sql::fragment::CatalogType;

use super::FullLoadOptions;
use super::error::FullLoadError;
use super::follow::OpenTarget;
use crate::context::Context;
use crate::lease_keeper::LeaseKeeper;
use crate::secrets::resolve;

/// Clocks of source and producer differ: changes of this long before the snapshot are applied again, which does no harm.
const CLOCK_MARGIN: chrono::Duration = chrono::Duration::minutes(5);

/// A source that is held still.
pub(super) struct DirectLoad {
    source: PostgresTarget,
    pub(super) snapshot: DirectSnapshot,
}

impl DirectLoad {
    /// Opens a snapshot of a table's source.
    ///
    /// # Errors
    /// The source is no Postgres, or can't be read.
    pub(super) async fn open(context: &Context, from: &Source) -> Result<Self, FullLoadError> {
        let name = &from.connection;
        let connection = context.config.connection(name);
        let url =
            resolve(&connection.url).map_err(|source| FullLoadError::Secret { connection: name.clone(), source })?;
        let source = PostgresTarget::connect(&name.0, &url, connection.max_connections)
            .await
            .map_err(quarrel_connect::replace::ReplaceError::from)?;
        let snapshot = DirectSnapshot::open(&source, &from.table, &DirectOptions::default()).await?;
        Ok(DirectLoad { source, snapshot })
    }

    /// Change files before it are contained in the snapshot.
    pub(super) fn floor(&self) -> FileOrder {
        let instant = self.snapshot.instant();
        FileOrder::at(instant.checked_sub_signed(CLOCK_MARGIN).unwrap_or(instant))
    }

    /// Copies the rows beside a target that is open.
    ///
    /// # Errors
    /// The target is no Postgres, or copying failed.
    pub(super) async fn copy(
        &self,
        context: &Context,
        table: &Table,
        (open, plan): (&OpenTarget, &ReplacePlan),
        (migration, options): (&Migration, &FullLoadOptions),
        keeper: &LeaseKeeper,
    ) -> Result<Vec<PartReceipt>, FullLoadError> {
        let target = context.targets.postgres(&open.connection).ok_or_else(|| pair(table, open))?;
        let limit = options.max_rows_per_second.or(table.full_load.max_rows_per_second);
        let copy = DirectCopy {
            plan,
            casts: casts(migration)?,
            workers: table.full_load.streams,
            rows_per_second: limit.and_then(std::num::NonZeroU64::new),
            rows_done: Arc::new(AtomicU64::new(0)),
            cancel: keeper.cancel().clone(),
        };
        Ok(copy_direct(&self.snapshot, &self.source, &target, copy).await?)
    }

    /// Ends the snapshot.
    pub(super) async fn close(self) {
        use quarrel_connect::target::Target as _;
        self.snapshot.close().await;
        self.source.close().await;
    }
}

/// Whether rows can be copied straight from a table's source into a target.
///
/// # Errors
/// They can't.
pub(super) fn check_pair(
    context: &Context,
    table: &Table,
    from: &Source,
    open: &OpenTarget,
) -> Result<(), FullLoadError> {
    let engine = |name| context.config.connection(name).engine;
    match (engine(&from.connection), engine(&open.connection)) {
        (Engine::Postgres, Engine::Postgres) => Ok(()),
        _ => Err(pair(table, open)),
    }
}

fn pair(table: &Table, open: &OpenTarget) -> FullLoadError {
    let from = table.source.as_ref().expect("a direct load has a source");
    FullLoadError::DirectPair {
        table: from.table.clone(),
        connection: from.connection.clone(),
        target: open.connection.clone(),
    }
}

/// The columns of the source; what type they have is the wire's matter, which carries them as they are.
pub(super) fn columns_of(migration: &Migration) -> FileSchema {
    let column = |name: &str| FileColumn { name: name.to_owned(), column_type: ColumnType::Text };
    FileSchema { columns: migration.columns.iter().map(|planned| column(&planned.mapped.source)).collect() }
}

fn casts(migration: &Migration) -> Result<BTreeMap<String, CatalogType>, FullLoadError> {
    let mut casts = BTreeMap::new();
    for planned in &migration.columns {
        let column = &planned.mapped.source;
        match &planned.mapped.read_as {
            ReadAs::Value => {}
            ReadAs::Cast(target_type) => {
                let spelling = target_type.spelling(TargetEngine::Postgres);
                let cast = CatalogType::from_catalog(&spelling)
                    .ok_or_else(|| FullLoadError::Cast { column: column.clone() })?;
                casts.insert(column.clone(), cast);
            }
        }
    }
    Ok(casts)
}
