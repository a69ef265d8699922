//! The addon: the engine's functions as Node sees them. The only crate that names napi, and the only one with
//! `unsafe`.
//!
//! Plain functions with a store's handle as their first argument: a class method costs 300 ns before it does
//! anything. Those that requests call are made by `direct!`, the others by `#[napi]`. Everything exported catches
//! panics and throws them: none may abort the process. The public face, with its argument checks, is `lib/`.

mod direct;
mod memory;
mod redis;
mod scope;
mod text;
mod wake;

use koa_session_engine::commit::{Conflict, Empty, Plan, Request, Resolution};
use koa_session_engine::store::{Commit, Outcome};
use koa_session_engine::{change, commit, error, id};
use napi::bindgen_prelude::{Either, Object};
use napi::{Env, sys};
use napi_derive::napi;
use text::Text;

/// Adds the functions of `direct!`, which `#[napi]` does not know.
#[napi(module_exports)]
pub fn export(exports: Object, env: Env) -> napi::Result<()> {
    let functions: [(&str, sys::napi_callback); 9] = [
        ("ioHold", Some(redis::io_hold)),
        ("ioTake", Some(redis::io_take)),
        ("memoryCommit", Some(memory::memory_commit)),
        ("memoryFind", Some(memory::memory_find)),
        ("memoryLoad", Some(memory::memory_load)),
        ("redisCommit", Some(redis::redis_commit)),
        ("redisFind", Some(redis::redis_find)),
        ("redisLoad", Some(redis::redis_load)),
        ("redisSet", Some(redis::redis_set)),
    ];
    functions.into_iter().try_for_each(|(name, function)| direct::export(&exports, &env, name, function))
}

/// What the end of a request does.
#[napi(js_name = "Plan")]
pub enum Kind {
    Nothing = 0,
    Create = 1,
    Save = 2,
    Rotate = 3,
    Destroy = 4,
    Renew = 5,
}

/// What to do when the store holds something else than what was loaded.
#[napi(js_name = "Conflict")]
pub enum OnConflict {
    Merge = 0,
    Overwrite = 1,
    Refuse = 2,
    /// To be added to the others: a created record may be merged into one that has come to its key.
    Adopt = 4,
    /// To be added: a session with nothing in it is one, and pointers of rotated records are followed.
    Immutable = 8,
}

/// What became of a commit; a merged text stands for `Saved` with that text.
#[napi(js_name = "Outcome")]
pub enum Status {
    Saved = 0,
    Destroyed = 1,
    Gone = 2,
    Refused = 3,
    Unremoved = 4,
    /// To be added to what a memory store answers: records have had to go before their time.
    Evicted = 8,
}

/// A new session id.
#[napi(catch_unwind)]
pub fn new_id() -> Text {
    Text(id::generate())
}

/// A new session id of koa-imsession's form.
#[napi(catch_unwind)]
pub fn new_hex_id() -> Text {
    Text(id::generate_hex())
}

/// What the end of a request does, as the number of its plan.
#[napi(catch_unwind)]
pub fn plan(base: Option<Text>, now: Option<Text>, regenerated: bool, presented: bool) -> u32 {
    let (base, now) = (base.as_ref().map(Text::as_str), now.as_ref().map(Text::as_str));
    commit::plan(Request { base, now, regenerated, presented }) as u32
}

/// For JavaScript stores: what becomes of a record when the store holds `theirs` at its key. The text to write, or
/// the outcome of writing none.
#[napi(catch_unwind)]
pub fn resolve(
    plan: u32,
    flags: u32,
    base: Option<Text>,
    text: Option<Text>,
    theirs: Option<Text>,
) -> Either<Status, Text> {
    let commit = commit_of(plan, flags, String::new(), None, base, text, 0.0, 0.0);
    match commit.resolve(theirs.as_ref().map(Text::as_str)) {
        Resolution::Write(text) => Either::B(Text(text.into_owned())),
        Resolution::Remove => Either::A(Status::Destroyed),
        Resolution::Gone => Either::A(Status::Gone),
        Resolution::Refused => Either::A(Status::Refused),
    }
}

/// For what follows a commit in the same request: `base -> ours` applied to what was stored.
#[napi(catch_unwind)]
pub fn merge(base: Text, ours: Text, theirs: Text) -> Text {
    Text(change::merge(&base.0, &ours.0, &theirs.0).into_owned())
}

/// The members that `ours` has and `base` lacks, as an object's text; none: nothing.
#[napi(catch_unwind)]
pub fn additions(base: Text, ours: Text) -> Option<Text> {
    change::additions(&base.0, &ours.0).map(Text)
}

/// Of the option names that are known the one that was most probably meant.
#[napi(catch_unwind)]
pub fn nearest(name: String, known: Vec<String>) -> Option<String> {
    known.into_iter().min_by_key(|other| strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase()))
}

fn plan_of(plan: u32) -> Plan {
    [Plan::Nothing, Plan::Create, Plan::Save, Plan::Rotate, Plan::Destroy, Plan::Renew][plan as usize]
}

fn conflict_of(conflict: u32) -> Conflict {
    [Conflict::Merge, Conflict::Overwrite, Conflict::Refuse][conflict as usize]
}

#[allow(clippy::too_many_arguments)] // as they come: an object would cost a property access each
fn commit_of(
    plan: u32,
    flags: u32,
    key: String,
    new_key: Option<String>,
    base: Option<impl Into<String>>,
    text: Option<impl Into<String>>,
    ttl_ms: f64,
    grace_ms: f64,
) -> Commit {
    let has = |flag: OnConflict| flags & flag as u32 != 0;
    Commit {
        plan: plan_of(plan),
        key,
        new_key: new_key.unwrap_or_default(),
        base: base.map(Into::into),
        text: text.map(Into::into).unwrap_or_default(),
        ttl_ms: whole_ms(ttl_ms),
        conflict: conflict_of(flags & 3),
        adopt: has(OnConflict::Adopt),
        empty: if has(OnConflict::Immutable) { Empty::Kept } else { Empty::Removed },
        grace_ms: grace_ms.max(0.0) as u64,
        follow: has(OnConflict::Immutable),
    }
}

/// Whole milliseconds, at least one: neither Redis nor a deadline knows less.
fn whole_ms(ttl_ms: f64) -> u64 {
    ttl_ms.ceil().max(1.0) as u64
}

/// An outcome in parts.
struct Answered {
    status: Status,
    /// The text that was stored instead of the commit's own.
    text: Option<String>,
    /// What went wrong although the record was stored.
    error: Option<error::Error>,
    /// Where the record is, if it was moved meanwhile.
    key: Option<String>,
}

impl Answered {
    fn new(status: Status) -> Self {
        Self { status, text: None, error: None, key: None }
    }
}

fn answered(outcome: Outcome) -> Answered {
    match outcome {
        Outcome::Moved(key, outcome) => Answered { key: Some(key), ..answered(*outcome) },
        Outcome::Saved(text) => Answered { text, ..Answered::new(Status::Saved) },
        Outcome::Destroyed => Answered::new(Status::Destroyed),
        Outcome::Gone => Answered::new(Status::Gone),
        Outcome::Refused => Answered::new(Status::Refused),
        Outcome::Unremoved(text, error) => Answered { text, error: Some(error), ..Answered::new(Status::Unremoved) },
    }
}

fn thrown(error: error::Error) -> napi::Error {
    napi::Error::from_reason(error.to_string())
}
