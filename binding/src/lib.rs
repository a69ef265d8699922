//! The addon: the engine's functions as Node sees them. The only crate that names napi, and the only one with
//! `unsafe`.
//!
//! Plain functions with a store's handle as their first argument: a class method costs 300 ns before it does
//! anything. Everything exported catches panics and throws them: none may abort the process. The public face,
//! with its argument checks, is `lib/`.

mod memory;
mod redis;

use koa_session_engine::commit::{Conflict, Plan, Request, Resolution};
use koa_session_engine::store::{Commit, Outcome};
use koa_session_engine::{change, commit, error, id};
use napi::bindgen_prelude::Either;
use napi_derive::napi;

/// What became of a commit; a merged text stands for `Saved` with that text.
#[napi(js_name = "Outcome")]
pub enum Status {
    Saved = 0,
    Destroyed = 1,
    Gone = 2,
    Refused = 3,
    Unremoved = 4,
}

/// A new session id.
#[napi(catch_unwind)]
pub fn new_id() -> String {
    id::generate()
}

/// What the end of a request does, as the number of its plan.
#[napi(catch_unwind)]
pub fn plan(base: Option<String>, now: Option<String>, regenerated: bool, presented: bool) -> u32 {
    let (base, now) = (base.as_deref(), now.as_deref());
    commit::plan(Request { base, now, regenerated, presented }) as u32
}

/// For JavaScript stores: what becomes of a record in which another commit came between. The text to write, or
/// `Destroyed` for an empty merge, or `Refused`.
#[napi(catch_unwind)]
pub fn resolve(base: String, ours: String, theirs: String, conflict: u32) -> Either<Status, String> {
    match commit::resolve(&base, &ours, Some(&theirs), conflict_of(conflict)) {
        Resolution::Write(text) => Either::B(text.into_owned()),
        Resolution::Remove => Either::A(Status::Destroyed),
        Resolution::Gone => Either::A(Status::Gone),
        Resolution::Refused => Either::A(Status::Refused),
    }
}

/// The members that `ours` has and `base` lacks, as an object's text; none: nothing.
#[napi(catch_unwind)]
pub fn additions(base: String, ours: String) -> Option<String> {
    change::additions(&base, &ours)
}

/// Is the text an object or array with nothing in it, or neither?
#[napi(catch_unwind)]
pub fn is_empty(text: String) -> bool {
    change::is_empty(&text)
}

fn plan_of(plan: u32) -> Plan {
    [Plan::Nothing, Plan::Create, Plan::Save, Plan::Rotate, Plan::Destroy][plan as usize]
}

fn conflict_of(conflict: u32) -> Conflict {
    [Conflict::Merge, Conflict::Overwrite, Conflict::Refuse][conflict as usize]
}

/// Flags of a commit: the conflict's number, and this bit if it may adopt an occupied key.
const ADOPT: u32 = 4;

#[allow(clippy::too_many_arguments)] // as they come: an object would cost a property access each
fn commit_of(
    plan: u32,
    flags: u32,
    key: String,
    new_key: Option<String>,
    base: Option<String>,
    text: Option<String>,
    ttl_ms: f64,
) -> Commit {
    Commit {
        plan: plan_of(plan),
        key,
        new_key: new_key.unwrap_or_default(),
        base,
        text: text.unwrap_or_default(),
        ttl_ms: whole_ms(ttl_ms),
        conflict: conflict_of(flags & !ADOPT),
        adopt: flags & ADOPT != 0,
    }
}

/// Whole milliseconds, at least one: neither Redis nor a deadline knows less.
fn whole_ms(ttl_ms: f64) -> u64 {
    ttl_ms.ceil().max(1.0) as u64
}

/// An outcome's number, the text that was stored instead of the commit's own, and what went wrong behind it.
fn outcome_parts(outcome: Outcome) -> (Status, Option<String>, Option<error::Error>) {
    match outcome {
        Outcome::Saved(text) => (Status::Saved, text, None),
        Outcome::Destroyed => (Status::Destroyed, None, None),
        Outcome::Gone => (Status::Gone, None, None),
        Outcome::Refused => (Status::Refused, None, None),
        Outcome::Unremoved(text, error) => (Status::Unremoved, text, Some(error)),
    }
}

fn thrown(error: error::Error) -> napi::Error {
    napi::Error::from_reason(error.to_string())
}
