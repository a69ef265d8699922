//! The memory store's functions: synchronous, under a handle that frees the store when JavaScript lets go of it.

use crate::{Status, Told, commit_of, thrown, told, whole_ms};
use koa_session_engine::store::Found;
use koa_session_engine::store::memory::MemoryStore;
use napi::bindgen_prelude::{Either3, External};
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

/// The text under a key or where a pointer leads from there, the milliseconds left of it, and where it was found if a
/// pointer led there.
#[napi(catch_unwind)]
pub fn memory_find(store: &External<Arc<MemoryStore>>, key: String) -> Option<(String, f64, Option<String>)> {
    store.find(&key).map(|Found { text, ttl_ms, key }| (text, ttl_ms as f64, key))
}

/// An outcome; with the merged text that was stored; and where the record had been moved, with its key too.
type Committed = Either3<Status, String, (Status, Option<String>, String)>;

/// What became of the commit; a text is the merged one that was stored. Where the record was moved meanwhile, both and
/// the key where it is.
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
    grace_ms: f64,
) -> napi::Result<Committed> {
    let commit = commit_of(plan, flags, key, new_key, base, text, ttl_ms, grace_ms);
    Ok(match told(store.commit(&commit).map_err(thrown)?) {
        Told { key: Some(key), status, text, .. } => Either3::C((status, text, key)),
        Told { text: Some(text), .. } => Either3::B(text),
        Told { status, .. } => Either3::A(status),
    })
}

/// Records and bytes held, and records that had to go before their time.
#[napi(catch_unwind)]
pub fn memory_stats(store: &External<Arc<MemoryStore>>) -> (f64, f64, f64) {
    (store.len() as f64, store.bytes() as f64, store.evicted() as f64)
}
