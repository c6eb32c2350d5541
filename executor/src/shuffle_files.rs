//! Removes shuffle files of jobs that nobody will finish: their client or scheduler died.
//!
//! The scheduler has the files of finished jobs removed; this is for the rest. What must stay true: only directories directly
//! below the shuffle directory are removed, and only when nothing in them was written for the time given.

use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

/// Looks through `dir` every `interval` until `shutdown`.
pub async fn sweep_shuffle_files(
    dir: std::path::PathBuf,
    interval: Duration,
    age_max: Duration,
    shutdown: CancellationToken,
) {
    let mut ticks = tokio::time::interval(interval);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let dir = dir.clone();
        let swept = tokio::task::spawn_blocking(move || sweep_once(&dir, age_max, SystemTime::now())).await;
        match swept {
            Ok(Ok(0)) => {}
            Ok(Ok(removed)) => tracing::info!(removed, "removed shuffle files of abandoned jobs"),
            Ok(Err(error)) => tracing::warn!(error = %error, "failed to look through the shuffle files"),
            Err(error) => tracing::warn!(error = %error, "the sweep of the shuffle files broke off"),
        }
    }
}

fn sweep_once(dir: &Path, age_max: Duration, now: SystemTime) -> std::io::Result<usize> {
    let mut removed = 0;
    for job in std::fs::read_dir(dir)? {
        let job = job?;
        if !job.file_type()?.is_dir() {
            continue;
        }
        let age = now.duration_since(newest_change(&job.path())?).unwrap_or_default();
        if age > age_max {
            std::fs::remove_dir_all(job.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn newest_change(path: &Path) -> std::io::Result<SystemTime> {
    let mut newest = std::fs::metadata(path)?.modified()?;
    let mut below = vec![path.to_owned()];
    while let Some(dir) = below.pop() {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            newest = newest.max(meta.modified()?);
            if meta.is_dir() {
                below.push(entry.path());
            }
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_jobs_that_nobody_writes_to_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("job-a/1")).unwrap();
        std::fs::write(dir.path().join("job-a/1/data.arrow"), b"x").unwrap();
        std::fs::write(dir.path().join("a-file"), b"x").unwrap();
        let hour = Duration::from_secs(3600);
        assert_eq!(sweep_once(dir.path(), hour, SystemTime::now()).unwrap(), 0);
        assert!(dir.path().join("job-a/1/data.arrow").exists());
        assert_eq!(sweep_once(dir.path(), hour, SystemTime::now() + 2 * hour).unwrap(), 1);
        assert!(!dir.path().join("job-a").exists());
        assert!(dir.path().join("a-file").exists());
    }
}
