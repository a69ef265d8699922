//! The memory store's functions: synchronous, under a handle that frees the store when JavaScript lets go of it.

use crate::{Status, commit_of, outcome_parts, thrown, whole_ms};
use koa_session_engine::store::memory::MemoryStore;
use napi::bindgen_prelude::{Either, External};
use napi_derive::napi;
use std::sync::Arc;

/// A new store that holds at most `max_bytes`.
#[napi(catch_unwind)]
pub fn memory_open(max_bytes: f64) -> External<Arc<MemoryStore>> {
    External::new(MemoryStore::new(max_bytes as usize))
}

#[napi(catch_unwind)]
pub fn memory_load(store: &External<Arc<MemoryStore>>, key: String) -> Option<String> {
    store.load(&key)
}

#[napi(catch_unwind)]
pub fn memory_set(store: &External<Arc<MemoryStore>>, key: String, text: String, ttl_ms: f64) -> napi::Result<()> {
    store.set(&key, &text, whole_ms(ttl_ms)).map_err(thrown)
}

#[napi(catch_unwind)]
pub fn memory_destroy(store: &External<Arc<MemoryStore>>, key: String) -> bool {
    store.destroy(&key)
}

/// What became of the commit; a text is the merged one that was stored.
#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments)]
pub fn memory_commit(
    store: &External<Arc<MemoryStore>>,
    plan: u32,
    flags: u32,
    key: String,
    new_key: Option<String>,
    base: Option<String>,
    text: Option<String>,
    ttl_ms: f64,
) -> napi::Result<Either<Status, String>> {
    let outcome = store.commit(&commit_of(plan, flags, key, new_key, base, text, ttl_ms)).map_err(thrown)?;
    let (status, text, _) = outcome_parts(outcome);
    Ok(text.map_or(Either::A(status), Either::B))
}

/// Records and bytes held, and records that had to go before their time.
#[napi(catch_unwind)]
pub fn memory_stats(store: &External<Arc<MemoryStore>>) -> (f64, f64, f64) {
    (store.len() as f64, store.bytes() as f64, store.evicted() as f64)
}
