//! Taking turns: work on one key waits for the work that came before it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Who waits for which key; a key is present while somebody has its turn.
#[derive(Default)]
pub struct Turns {
    waiting: Mutex<HashMap<String, VecDeque<oneshot::Sender<Turn>>>>,
}

/// The turn on a key; dropping it hands it on.
pub struct Turn {
    turns: Arc<Turns>,
    key: String,
}

impl Turns {
    /// Waits until the turn on `key` has come; first come, first served.
    pub async fn take(self: &Arc<Self>, key: &str) -> Turn {
        let turn = || Turn { turns: self.clone(), key: key.to_owned() };
        let called = match self.lock().entry(key.to_owned()) {
            Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                return turn();
            }
            Entry::Occupied(mut taken) => {
                let (sender, receiver) = oneshot::channel();
                taken.get_mut().push_back(sender);
                receiver
            }
        };
        // A queue goes only when nobody waits in it, so the call does come.
        called.await.unwrap_or_else(|_| turn())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VecDeque<oneshot::Sender<Turn>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut waiting = self.turns.lock();
            let next = waiting.get_mut(&self.key).and_then(VecDeque::pop_front);
            if next.is_none() {
                waiting.remove(&self.key);
            }
            next
        };
        if let Some(next) = next {
            // If nobody listens any more, the turn comes back and its drop hands it on again.
            drop(next.send(Turn { turns: self.turns.clone(), key: std::mem::take(&mut self.key) }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_on_one_key_come_in_order_and_other_keys_do_not_wait() {
        let turns = Arc::new(Turns::default());
        let order = Arc::new(Mutex::new(Vec::new()));
        let first = turns.take("a").await;
        let tasks: Vec<_> = (0..3)
            .map(|number| {
                let (turns, order) = (turns.clone(), order.clone());
                tokio::spawn(async move {
                    let _turn = turns.take("a").await;
                    order.lock().expect("no panic").push(number);
                })
            })
            .collect();
        let _other = turns.take("b").await;
        tokio::task::yield_now().await;
        assert!(order.lock().expect("no panic").is_empty());
        drop(first);
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(*order.lock().expect("no panic"), [0, 1, 2]);
        assert_eq!(turns.lock().len(), 1, "only b is still taken");
    }

    #[tokio::test]
    async fn who_stops_waiting_is_passed_over() {
        let turns = Arc::new(Turns::default());
        let first = turns.take("a").await;
        let gone = turns.clone();
        let waiter = tokio::spawn(async move { gone.take("a").await });
        tokio::task::yield_now().await;
        waiter.abort();
        assert!(waiter.await.is_err());
        drop(first);
        drop(turns.take("a").await);
        assert!(turns.lock().is_empty());
    }
}
