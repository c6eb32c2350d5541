//! Checks on the lake: the work area takes objects and gives them up, and a table's change files can be listed.

use object_store::Error as StoreError;
use quarrel_model::config::Changes;
use uuid::Uuid;

use super::{Check, Finding};
use crate::error::chain;
use crate::lake::{Lake, LakeArea, LakeError, Listing};

/// Writes a probe and deletes it.
pub(super) async fn check_work(work: &LakeArea) -> Check {
    let subject = "lake.work";
    let folder = work.key(&format!("probe/{}", Uuid::now_v7()));
    let probe = folder.clone().join("validate");
    if let Err(error) = work.write(&probe, "probe").await {
        return Check::new(subject, finding(work, &error), chain(&error));
    }
    match work.delete_folder(&folder).await {
        Ok(1) => Check::new(subject, Finding::Passed, "objects can be written, listed and deleted"),
        Ok(_) => Check::new(subject, Finding::Failed, format!("the probe at {} is not listed", work.url_of(&probe))),
        Err(error) => Check::new(subject, finding(work, &error), chain(&error)),
    }
}

/// Lists a table's change files; the listing, where there is one, is for the checks that follow.
pub(super) async fn check_changes(lake: &Lake, subject: &str, changes: &Changes) -> (Check, Option<Listing>) {
    let listing = match lake.list_changes(&changes.prefix).await {
        Ok(listing) => listing,
        Err(error) => return (Check::new(subject, finding(&lake.changes, &error), chain(&error)), None),
    };
    let place = lake.changes.url_of(&lake.changes.key(&changes.prefix));
    let (files, full_load) = (listing.files.len(), listing.full_load_files);
    let check = if files == 0 {
        let detail = format!("{place} holds no change files, and {full_load} full-load files");
        Check::new(subject, Finding::Warning, detail).with_hint(Some("check `changes.prefix` if files should be there"))
    } else {
        Check::new(subject, Finding::Passed, format!("{place} holds {files} change files, {full_load} full-load files"))
    };
    (check, Some(listing))
}

/// Whether the store doesn't answer, or says no.
fn finding(area: &LakeArea, error: &LakeError) -> Finding {
    if area.store_url.starts_with("file:") {
        return Finding::Failed;
    }
    match error {
        LakeError::List { source, .. }
        | LakeError::Read { source, .. }
        | LakeError::Write { source, .. }
        | LakeError::Archive { source, .. }
        | LakeError::Delete { source, .. } => match source {
            StoreError::Generic { .. } | StoreError::JoinError { .. } => Finding::Unreachable,
            // The store has answered: forbidden, not found, not possible.
            _ => Finding::Failed,
        },
        LakeError::Open { .. }
        | LakeError::Url { .. }
        | LakeError::TooMany { .. }
        | LakeError::Name(_)
        | LakeError::Changed { .. } => Finding::Failed,
    }
}
