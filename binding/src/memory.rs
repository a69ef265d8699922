//! The memory store's functions: synchronous, under a handle that frees the store when JavaScript lets go of it.

use crate::direct::{Held, direct};
use crate::text::{Made, Text, made};
use crate::{Answered, Status, answered, commit_of, scope, thrown, whole_ms};
use koa_session_engine::store::Found;
use koa_session_engine::store::memory::MemoryStore;
use napi::Env;
use napi::bindgen_prelude::{Either3, External};
use napi_derive::napi;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

type Handle = External<Arc<MemoryStore>>;

/// 256 MiB.
const DEFAULT_MAX_BYTES: usize = 256 << 20;

/// A store of this environment that holds at most `max_bytes`; with a name, the one store of the process that has it,
/// on whatever thread it was opened first. An option that does not fit is thrown as `name: what is accepted`.
#[napi(catch_unwind)]
pub fn memory_open(env: Env, name: Option<String>, max_bytes: Option<f64>) -> napi::Result<Handle> {
    let max_bytes = max_bytes.map(|bytes| bytes as usize);
    let Some(name) = name else {
        let store = MemoryStore::new(max_bytes.unwrap_or(DEFAULT_MAX_BYTES));
        scope::remember(&env, &store)?;
        return Ok(External::new(store));
    };
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let store = named.entry(name).or_insert_with(|| MemoryStore::new(max_bytes.unwrap_or(DEFAULT_MAX_BYTES)));
    match max_bytes {
        Some(bytes) if bytes != store.max_bytes() => {
            let accepted = format!("{}, which the store of this name has, or none", store.max_bytes());
            Err(napi::Error::from_reason(format!("maxBytes: {accepted}")))
        }
        _ => Ok(External::new(store.clone())),
    }
}

/// The stores with a name; they end with the process.
static NAMED: Mutex<BTreeMap<String, Arc<MemoryStore>>> = Mutex::new(BTreeMap::new());

#[napi(catch_unwind)]
pub fn memory_set(store: &Handle, key: Text, text: Text, ttl_ms: f64) -> napi::Result<u32> {
    store.set(&key.0, &text.0, whole_ms(ttl_ms)).map_err(thrown)?;
    Ok(status(store, Status::Saved))
}

#[napi(catch_unwind)]
pub fn memory_destroy(store: &Handle, key: Text) -> bool {
    store.destroy(&key.0)
}

/// An outcome as a number, and whether records have had to go before their time.
fn status(store: &MemoryStore, status: Status) -> u32 {
    status as u32 + if store.has_evicted() { Status::Evicted as u32 } else { 0 }
}

/// An outcome; with the merged text that was stored; and where the record had been moved, with its key too.
type Committed = Either3<u32, Text, (Status, Option<Text>, Text)>;

direct! {
    /// The text under a key.
    fn memory_load(env; store: Held<Arc<MemoryStore>>, key: Text) -> Option<Made> {
        store.read(&key.0, |text| made(env, text)).transpose()
    }

    /// The text under a key or where a pointer leads from there, the milliseconds left of it, and where it was found if a
    /// pointer led there.
    fn memory_find(_env; store: Held<Arc<MemoryStore>>, key: Text) -> Option<(Text, f64, Option<Text>)> {
        Ok(store.find(&key.0).map(|Found { text, ttl_ms, key }| (Text(text), ttl_ms as f64, key.map(Text))))
    }

    /// What became of the commit; a text is the merged one that was stored. Where the record was moved meanwhile, both
    /// and the key where it is.
    fn memory_commit(
        _env;
        store: Held<Arc<MemoryStore>>,
        plan: u32,
        flags: u32,
        key: Text,
        new_key: Option<Text>,
        base: Option<Text>,
        text: Option<Text>,
        ttl_ms: f64,
        grace_ms: f64
    ) -> Committed {
        let commit = commit_of(plan, flags, key.0, new_key.map(|key| key.0), base, text, ttl_ms, grace_ms);
        Ok(match answered(store.commit(&commit).map_err(thrown)?) {
            Answered { key: Some(key), status, text, .. } => Either3::C((status, text.map(Text), Text(key))),
            Answered { text: Some(text), .. } => Either3::B(Text(text)),
            Answered { status: outcome, .. } => Either3::A(status(&store, outcome)),
        })
    }
}

/// Records and bytes held.
#[napi(catch_unwind)]
pub fn memory_stats(store: &Handle) -> (f64, f64) {
    (store.len() as f64, store.bytes() as f64)
}
