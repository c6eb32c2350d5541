//! Ctrl-C and SIGTERM: the first asks for an end in good order, the second ends at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::{Exit, Failure};

/// A token that the first signal cancels.
pub fn cancelled_by_signals() -> Result<CancellationToken, Failure> {
    let failed = |source| Failure::internal(&format!("failed to listen for signals: {source}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        either(&mut interrupt, &mut terminate).await;
        eprintln!("stopping; a second signal ends at once");
        cancelled.cancel();
        either(&mut interrupt, &mut terminate).await;
        std::process::exit(Exit::TablesFailed.code().into());
    });
    Ok(token)
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
