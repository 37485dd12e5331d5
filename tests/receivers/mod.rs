//! Those who are told: something that takes webhooks, and a mail server. They know nothing of
//! the programs that tell them.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod hooks;
mod mail;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

pub(crate) use hooks::Hooks;
pub(crate) use mail::MailServer;

/// However busy the machine is.
const PATIENCE: Duration = Duration::from_mins(2);

/// What came, in order.
#[derive(Debug)]
struct Log<T> {
    came: Mutex<Vec<T>>,
    more: Condvar,
}

impl<T: Clone> Log<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            came: Mutex::new(Vec::new()),
            more: Condvar::new(),
        })
    }

    fn put(&self, one: T) {
        self.came.lock().unwrap().push(one);
        self.more.notify_all();
    }

    fn all(&self) -> Vec<T> {
        self.came.lock().unwrap().clone()
    }

    /// Waits until there are so many.
    fn wait_for(&self, count: usize) -> Vec<T> {
        let came = self.came.lock().unwrap();
        let few = |came: &mut Vec<T>| came.len() < count;
        let (came, waited) = self.more.wait_timeout_while(came, PATIENCE, few).unwrap();
        assert!(!waited.timed_out(), "only {} of {count} came", came.len());
        came.clone()
    }
}

/// Takes connections, one after the other, until it is dropped.
#[derive(Debug)]
struct Listener {
    address: SocketAddr,
    is_closed: Arc<AtomicBool>,
}

impl Listener {
    fn start(serve: impl Fn(TcpStream) -> std::io::Result<()> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let is_closed = Arc::new(AtomicBool::new(false));
        let closed = is_closed.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                // Whoever is told may go away at any time.
                let _ = stream.and_then(&serve);
            }
        });
        Self { address, is_closed }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::SeqCst);
        // It waits for one more.
        let _ = TcpStream::connect(self.address);
    }
}
