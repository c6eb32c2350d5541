//! Owns ends before their time: a future that is dropped, or told to stop, after a number of wake-ups.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio_util::sync::CancellationToken;

/// Polls a future so many times, then drops it where it stands; none when it had not ended by then.
pub async fn drop_after<F: Future>(future: F, wake_ups: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = wake_ups;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Cancels after so many polls, and waits for the end.
pub async fn cancel_after<F: Future>(future: F, cancel: &CancellationToken, wake_ups: u32) -> F::Output {
    let mut future = pin!(future);
    let mut left = wake_ups;
    poll_fn(|context| {
        match left.checked_sub(1) {
            Some(less) => left = less,
            None => cancel.cancel(),
        }
        future.as_mut().poll(context)
    })
    .await
}
