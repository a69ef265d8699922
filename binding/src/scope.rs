//! What an environment leaves behind when it ends: Bun and Deno do not run the finalizers of its values then.
//!
//! First its port is closed, and then its stores: what their end completes must not call an environment that is on its
//! way out.

use koa_session_engine::store::memory::MemoryStore;
use koa_session_engine::store::redis::{Port, RedisStore};
use napi::Env;
use std::cell::RefCell;
use std::sync::{Arc, Weak};

/// What an environment has to itself.
pub trait Release: Send + Sync + 'static {
    /// Lets go of what it holds, though handles of it may live on.
    fn release(&self);
}

impl Release for Port {
    fn release(&self) {
        self.close();
    }
}

impl Release for MemoryStore {
    fn release(&self) {
        self.clear();
    }
}

impl Release for RedisStore {
    fn release(&self) {
        self.close();
    }
}

thread_local! {
    /// Of this thread's environment, in the order they were opened, a port before its stores; nothing before the first.
    static OPEN: RefCell<Option<Vec<Weak<dyn Release>>>> = const { RefCell::new(None) };
}

/// Releases it when the environment ends, if it is there still.
pub fn remember<T: Release>(env: &Env, owned: &Arc<T>) -> napi::Result<()> {
    OPEN.with_borrow_mut(|open| {
        if open.is_none() {
            env.add_env_cleanup_hook((), |()| {
                let open = OPEN.take().unwrap_or_default();
                open.iter().filter_map(Weak::upgrade).for_each(|owned| owned.release());
            })?;
        }
        let open = open.get_or_insert_default();
        if open.len() == open.capacity() {
            open.retain(|owned| owned.strong_count() > 0);
        }
        let owned: Arc<dyn Release> = owned.clone();
        open.push(Arc::downgrade(&owned));
        Ok(())
    })
}
