//! The paths that every request goes, for benchmark/instructions.js to count: `hot-paths NAME TIMES`.

use koa_session_engine::commit::{Conflict, Empty, Plan, Request, plan};
use koa_session_engine::id;
use koa_session_engine::store::Commit;
use koa_session_engine::store::memory::MemoryStore;
use std::hint::black_box;

const HOUR_MS: u64 = 3_600_000;
const LOADED: &str =
    r#"{"user":{"id":4711,"name":"ann"},"cart":[{"sku":"A-1000","quantity":1,"price":9.95}],"views":7}"#;
const REORDERED: &str =
    r#"{"views":7,"user":{"id":4711,"name":"ann"},"cart":[{"sku":"A-1000","quantity":1,"price":9.95}]}"#;
const CHANGED: &str =
    r#"{"user":{"id":4711,"name":"ann"},"cart":[{"sku":"A-1000","quantity":1,"price":9.95}],"views":8}"#;
const THEIRS: &str = r#"{"user":{"id":4711,"name":"ann","admin":true},"cart":[],"views":7}"#;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(times)) = (arguments.next(), arguments.next().and_then(|times| times.parse().ok())) else {
        panic!("hot-paths NAME TIMES");
    };
    (0..times).for_each(path(&name));
}

fn path(name: &str) -> Box<dyn FnMut(usize)> {
    let keys: Vec<_> = (0..100).map(|_| format!("koa:sess:{}", id::generate())).collect();
    let store = MemoryStore::new(usize::MAX);
    for key in &keys {
        store.set(key, LOADED, HOUR_MS).expect("there is room");
    }
    let commits: Vec<_> = keys.iter().map(|key| save(key)).collect();
    match name {
        "id" => Box::new(|_| drop(black_box(id::generate()))),
        "load" => Box::new(move |time| drop(black_box(store.load(&keys[time % keys.len()])))),
        "commit unchanged" => Box::new(|_| {
            let (base, now) = (black_box(Some(LOADED)), black_box(Some(REORDERED)));
            assert_eq!(plan(Request { base, now, regenerated: false, presented: true }), Plan::Nothing);
        }),
        "commit" => Box::new(move |time| drop(black_box(store.commit(&commits[time % commits.len()])))),
        "commit merge" => Box::new(move |time| drop(black_box(commits[time % commits.len()].resolve(Some(THEIRS))))),
        _ => panic!("no path of that name"),
    }
}

fn save(key: &str) -> Commit {
    Commit {
        plan: Plan::Save,
        key: key.to_owned(),
        new_key: String::new(),
        base: Some(LOADED.to_owned()),
        text: CHANGED.to_owned(),
        ttl_ms: HOUR_MS,
        conflict: Conflict::Merge,
        adopt: false,
        empty: Empty::Removed,
        grace_ms: 0,
        follow: false,
    }
}
