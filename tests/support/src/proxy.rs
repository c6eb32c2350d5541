//! Owns what both proxies share: the thread that accepts connections, and the list of faults that wait for their moment.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, MutexGuard};
use std::thread::JoinHandle;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Far above the pools of any test; further clients wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 512;

/// A listener on a free loopback port that serves each connection by one future, on a thread of its own: it works whatever
/// runtime the test has, and stops with this value, cutting what is open.
#[derive(Debug)]
pub(crate) struct ProxyServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ProxyServer {
    pub(crate) fn start<F, C>(serve: F) -> ProxyServer
    where
        F: Fn(TcpStream) -> C + Send + 'static,
        C: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("no free port: {error}"));
        let address = listener.local_addr().expect("a bound listener has an address");
        listener.set_nonblocking(true).expect("a listener can be made non-blocking");
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime
                .expect("a runtime on one thread needs only file handles")
                .block_on(accept(listener, serve, stopped));
        };
        let thread =
            std::thread::Builder::new().name("fault-proxy".into()).spawn(run).expect("a thread can be started");
        ProxyServer { address, stop: Some(stop), thread: Some(thread) }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ProxyServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The receiver is gone when the thread has panicked: then there is nothing to stop.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept<F, C>(listener: TcpListener, serve: F, mut stopped: oneshot::Receiver<()>)
where
    F: Fn(TcpStream) -> C,
    C: Future<Output = ()> + Send + 'static,
{
    let listener = tokio::net::TcpListener::from_std(listener).expect("the listener is non-blocking");
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                if let Ok((stream, _)) = accepted {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve(stream));
                }
            }
        }
    }
}

/// A fault that waits for its moments.
#[derive(Debug)]
struct Armed<F> {
    fault: F,
    /// Moments to let pass.
    skip: u32,
    /// Moments left; without end where there is none.
    times: Option<u32>,
}

/// The faults of one proxy and how often each kind fired.
#[derive(Debug)]
pub(crate) struct Faults<F, K> {
    inner: Mutex<Inner<F, K>>,
}

#[derive(Debug)]
struct Inner<F, K> {
    armed: Vec<Armed<F>>,
    fired: BTreeMap<K, u64>,
}

impl<F: Clone, K: Ord> Faults<F, K> {
    pub(crate) fn new() -> Faults<F, K> {
        Faults { inner: Mutex::new(Inner { armed: Vec::new(), fired: BTreeMap::new() }) }
    }

    pub(crate) fn arm(&self, fault: F, skip: u32, times: Option<u32>) {
        self.lock().armed.push(Armed { fault, skip, times });
    }

    pub(crate) fn disarm(&self, unwanted: impl Fn(&F) -> bool) {
        self.lock().armed.retain(|armed| !unwanted(&armed.fault));
    }

    pub(crate) fn fired(&self, kind: K) -> u64 {
        self.lock().fired.get(&kind).copied().unwrap_or(0)
    }

    /// A moment for a fault that `matches`: the first armed one that does not let it pass fires, is counted and returned.
    pub(crate) fn fire(&self, kind: K, matches: impl Fn(&F) -> bool) -> Option<F> {
        let mut inner = self.lock();
        let mut chosen = None;
        for (place, armed) in inner.armed.iter_mut().enumerate().filter(|(_, armed)| matches(&armed.fault)) {
            if armed.skip > 0 {
                armed.skip -= 1;
                continue;
            }
            armed.times = armed.times.map(|times| times.saturating_sub(1));
            chosen = Some((place, armed.fault.clone(), armed.times == Some(0)));
            break;
        }
        let (place, fault, spent) = chosen?;
        if spent {
            inner.armed.remove(place);
        }
        *inner.fired.entry(kind).or_default() += 1;
        Some(fault)
    }

    /// Whether an armed fault matches; nothing is used up.
    pub(crate) fn is_armed(&self, matches: impl Fn(&F) -> bool) -> bool {
        self.lock().armed.iter().any(|armed| matches(&armed.fault))
    }

    fn lock(&self) -> MutexGuard<'_, Inner<F, K>> {
        self.inner.lock().expect("no code panics while it holds the faults")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_lets_moments_pass_then_fires_as_often_as_it_was_armed() {
        let faults: Faults<&str, u8> = Faults::new();
        faults.arm("drop", 1, Some(2));
        let fired: Vec<bool> = (0..5).map(|_| faults.fire(0, |fault| *fault == "drop").is_some()).collect();
        assert_eq!(fired, [false, true, true, false, false]);
        assert_eq!((faults.fired(0), faults.fired(1)), (2, 0));

        faults.arm("hide", 0, None);
        assert!((0..100).all(|_| faults.fire(1, |fault| *fault == "hide").is_some()));
        faults.disarm(|fault| *fault == "hide");
        assert!(faults.fire(1, |_| true).is_none());
        assert_eq!(faults.fired(1), 100);
    }
}
