//! Owns a target that fails on command, around one that works.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use quarrel_connect::target::{Load, Target, TargetError};
use quarrel_model::ledger::{AppliedFile, Ledger, LedgerFrom};
use quarrel_model::migration::MigrationStep;
use quarrel_model::names::{QualifiedName, TableName};
use quarrel_model::target::{LoadReceipt, TargetTable};

use crate::case::TargetFault;

/// A target with a script for one run.
#[derive(Debug)]
pub struct ScriptedTarget {
    inner: Arc<dyn Target>,
    script: Mutex<Script>,
}

#[derive(Debug, Clone, Copy)]
struct Script {
    fault: TargetFault,
    loads: usize,
}

impl ScriptedTarget {
    pub fn new(inner: Arc<dyn Target>) -> ScriptedTarget {
        ScriptedTarget { inner, script: Mutex::new(Script { fault: TargetFault::None, loads: 0 }) }
    }

    /// Starts a script; loads are counted from here.
    pub fn follow(&self, fault: TargetFault) {
        *self.script.lock().expect("nobody panics with this lock") = Script { fault, loads: 0 };
    }

    async fn reach(&self) -> Result<&dyn Target, TargetError> {
        match self.script.lock().expect("nobody panics with this lock").fault {
            TargetFault::Away => {
                Err(TargetError::Connect { connection: "scripted".to_owned(), source: sqlx::Error::PoolTimedOut })
            }
            TargetFault::None | TargetFault::Rejects { .. } | TargetFault::FailsAfterWrite { .. } => {
                Ok(self.inner.as_ref())
            }
        }
    }

    /// The script, and the number of the load that begins.
    fn begin_load(&self) -> (TargetFault, usize) {
        let mut script = self.script.lock().expect("nobody panics with this lock");
        script.loads += 1;
        (script.fault, script.loads - 1)
    }
}

#[async_trait]
impl Target for ScriptedTarget {
    async fn describe(&self, table: &QualifiedName) -> Result<Option<TargetTable>, TargetError> {
        self.reach().await?.describe(table).await
    }

    async fn read_ledger(
        &self,
        table: &TableName,
        target: &QualifiedName,
        from: &LedgerFrom,
    ) -> Result<Ledger, TargetError> {
        self.reach().await?.read_ledger(table, target, from).await
    }

    async fn read_applied(
        &self,
        table: &TableName,
        target: &QualifiedName,
        from: &LedgerFrom,
    ) -> Result<Vec<AppliedFile>, TargetError> {
        self.reach().await?.read_applied(table, target, from).await
    }

    async fn prepare_ledger(&self) -> Result<(), TargetError> {
        self.reach().await?.prepare_ledger().await
    }

    async fn load(&self, load: Load<'_>) -> Result<LoadReceipt, TargetError> {
        let (table, batch) = (load.plan.target.clone(), load.plan.batch.clone());
        let source = sqlx::Error::Protocol("the script says so".to_owned());
        match self.begin_load() {
            (TargetFault::Rejects { load }, number) if load == number => {
                Err(TargetError::Stage { table, batch, source })
            }
            (TargetFault::FailsAfterWrite { load: scripted }, number) if scripted == number => {
                self.reach().await?.load(load).await?;
                Err(TargetError::Commit { table, batch, source })
            }
            _ => self.reach().await?.load(load).await,
        }
    }

    async fn migrate(&self, table: &QualifiedName, steps: &[MigrationStep]) -> Result<(), TargetError> {
        self.reach().await?.migrate(table, steps).await
    }

    async fn check(&self, table: &QualifiedName) -> Result<Vec<String>, TargetError> {
        self.reach().await?.check(table).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
