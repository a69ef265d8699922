//! What frees records whose time is over.

use super::MemoryStore;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// One thread for all stores of the process that frees what has expired; it holds no event loop open.
pub struct Sweeper {
    stores: Mutex<Vec<Weak<MemoryStore>>>,
    thread: thread::Thread,
}

const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Slots looked at under one hold of a store's lock: each of a turn's reads may have to wait for one, and a turn has many.
const SWEEP_SLICE: usize = 128;
const SWEEP_PAUSE: Duration = Duration::from_micros(100);
/// A store is swept whole in this many rounds.
const SWEEP_ROUNDS: usize = 8;

impl Sweeper {
    pub fn watch(store: &Arc<MemoryStore>) {
        static SWEEPER: LazyLock<Sweeper> = LazyLock::new(|| {
            let thread = thread::Builder::new().name("session-sweep".into()).spawn(|| SWEEPER.run());
            let thread = thread.expect("the system gives no thread for the session sweep").thread().clone();
            Sweeper { stores: Mutex::default(), thread }
        });
        SWEEPER.stores.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(store));
        SWEEPER.thread.unpark();
    }

    fn run(&self) {
        loop {
            let stores: Vec<_> = {
                let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
                stores.retain(|store| store.strong_count() > 0);
                stores.iter().filter_map(Weak::upgrade).collect()
            };
            if stores.is_empty() {
                thread::park(); // until the next store is made
                continue;
            }
            for store in &stores {
                let slots = store.lock().slots.len();
                for _ in 0..(slots / SWEEP_ROUNDS / SWEEP_SLICE + 1) {
                    store.sweep(SWEEP_SLICE);
                    thread::sleep(SWEEP_PAUSE); // a lock that is taken again at once keeps all others waiting
                }
            }
            drop(stores);
            thread::park_timeout(SWEEP_EVERY);
        }
    }
}
