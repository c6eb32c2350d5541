//! Carries the bytes of one COPY into another one.
//!
//! The server sends a message a row; they are gathered into a buffer, and sent on when it is full. Nothing looks into them.
//!
//! # Invariants
//! - The COPY into the target is ended by `finish`, or aborted, before its connection is used again.
//! - When the target fails, the source's COPY is read to its end: its connection, which may hold the snapshot, stays good.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use quarrel_sql::Sql;
use sqlx::PgConnection;
use sqlx::postgres::PgCopyIn;

use super::pace::Pace;

/// Bytes sent at once: large enough that a message's overhead is nothing, small enough to stay in caches.
const BUFFER_BYTES: usize = 256 << 10;

/// Which side failed.
#[derive(Debug)]
pub(super) enum PipeError {
    Source(sqlx::Error),
    Target(sqlx::Error),
}

/// Copies, and gives the number of rows that the target took.
pub(super) async fn pipe(
    source: &mut PgConnection,
    read: &Sql,
    target: &mut PgConnection,
    write: &Sql,
    pace: &Pace,
    rows_done: &AtomicU64,
) -> Result<u64, PipeError> {
    let mut rows = source.copy_out_raw(read.as_str()).await.map_err(PipeError::Source)?;
    let mut copy = match target.copy_in_raw(write.as_str()).await {
        Ok(copy) => copy,
        Err(error) => {
            drain(&mut rows).await?;
            return Err(PipeError::Target(error));
        }
    };
    match carry(&mut rows, &mut copy, pace, rows_done).await {
        Ok(()) => copy.finish().await.map_err(PipeError::Target),
        Err(error) => {
            if let PipeError::Target(_) = error {
                drain(&mut rows).await?;
            }
            if let Err(abort) = copy.abort("the range can't be copied").await {
                tracing::debug!(error = %abort, "failed to abort a COPY");
            }
            Err(error)
        }
    }
}

async fn carry(
    rows: &mut BoxStream<'_, Result<Bytes, sqlx::Error>>,
    copy: &mut PgCopyIn<&mut PgConnection>,
    pace: &Pace,
    rows_done: &AtomicU64,
) -> Result<(), PipeError> {
    let rows_at_once = pace.rows_at_once().unwrap_or(u64::MAX);
    let mut buffer = BytesMut::with_capacity(2 * BUFFER_BYTES);
    let mut gathered = 0;
    loop {
        let message = rows.next().await.transpose().map_err(PipeError::Source)?;
        if let Some(message) = &message {
            buffer.extend_from_slice(message);
            gathered += 1;
        }
        if message.is_none() || buffer.len() >= BUFFER_BYTES || gathered >= rows_at_once {
            pace.wait_for(gathered).await;
            copy.send(&buffer[..]).await.map_err(PipeError::Target)?;
            rows_done.fetch_add(gathered, Ordering::Relaxed);
            buffer.clear();
            gathered = 0;
        }
        if message.is_none() {
            return Ok(());
        }
    }
}

/// Reads what is left, which is at most a range.
async fn drain(rows: &mut BoxStream<'_, Result<Bytes, sqlx::Error>>) -> Result<(), PipeError> {
    while let Some(message) = rows.next().await {
        message.map_err(PipeError::Source)?;
    }
    Ok(())
}
