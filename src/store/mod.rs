//! The contract that every store keeps, in one vocabulary: load a record's text, commit a request's end.
//!
//! A record is exactly the JSON text of a session, under its store key. Every store answers a commit as follows:
//!
//! - *create* writes only where the key is free (or resolves the conflict, where the commit adopts what is there);
//! - *save* replaces the record if it still is base, resolves a conflict otherwise, and never brings back a record
//!   that is gone;
//! - *rotate* writes the new record first, then removes the old one, and carries over what others saved in between;
//!   if the old record is gone, only what the request added to its session is kept, under the new key;
//! - *destroy* removes whatever is there;
//! - *renew* rotates, but of many requests that want to, one does and the others go on with its record.
//!
//! A rotation can leave a pointer from the old key to the new one for a time of grace. Commits that follow pointers are
//! then carried out where it leads, in one hop.

pub mod memory;
pub mod redis;

use crate::change;
use crate::commit::{Conflict, Empty, Plan, Resolution, resolve};
use crate::error::Error;
use std::borrow::Cow;

/// The longest text of a record, in bytes. Past 2^28 to 2^29 characters, depending on the runtime, JavaScript cannot hold
/// it; what is read must stay below that, and what is written must be readable.
pub const LONGEST: usize = 128 << 20;

/// Is a text short enough to be written?
///
/// # Errors
/// [`Error::TooLong`] if not.
pub(crate) fn fits(text: &str) -> Result<(), Error> {
    if text.len() > LONGEST { Err(Error::TooLong(LONGEST)) } else { Ok(()) }
}

/// The end of one request, as a store carries it out.
#[derive(Debug, Clone)]
pub struct Commit {
    pub plan: Plan,
    /// Where the record is, or where a created one goes.
    pub key: String,
    /// Where a rotated record goes; otherwise unused.
    pub new_key: String,
    /// The text that was loaded from `key`; `None` if nothing was.
    pub base: Option<String>,
    /// The text to be stored.
    pub text: String,
    /// Time to live of what is written, in milliseconds; at least 1.
    pub ttl_ms: u64,
    pub conflict: Conflict,
    /// May a created record be merged into one that has come to its key?
    pub adopt: bool,
    pub empty: Empty,
    /// How long the old key of a rotated record leads to the new one, in milliseconds; 0 for not at all.
    pub grace_ms: u64,
    /// Is the record looked for where a rotation has left a pointer to?
    pub follow: bool,
}

/// A record as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub text: String,
    /// What is left of its time to live, in milliseconds; negative if it has no end.
    pub ttl_ms: i64,
    /// Where it was found, if a pointer led there.
    pub key: Option<String>,
}

/// Where the pointer of a rotated key is kept: in the same slot of a cluster, since the braces make the key the hash tag.
pub(crate) fn pointer_key(key: &str) -> String {
    format!("{{{key}}}:to")
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Stored: the commit's own text, or the merged text that is given.
    Saved(Option<String>),
    /// The record is removed.
    Destroyed,
    /// The record was gone before: nothing is stored.
    Gone,
    /// Another record is there that the commit must not touch: its key is taken, or it has changed.
    Refused,
    /// Stored under the new key, but removing the old record failed.
    Unremoved(Option<String>, Error),
    /// The record had been rotated before; this became of the commit at the key where the pointer led.
    Moved(String, Box<Outcome>),
}

impl Commit {
    const NOTHING_LOADED: &str = "{}";

    fn base(&self) -> &str {
        self.base.as_deref().unwrap_or(Self::NOTHING_LOADED)
    }

    /// What becomes of the record when the store holds `theirs` at `key`, and nothing at `new_key`.
    pub fn resolve<'a>(&'a self, theirs: Option<&'a str>) -> Resolution<'a> {
        match (self.plan, theirs) {
            (Plan::Create, _) => self.resolve_create(theirs),
            (Plan::Rotate, _) => self.resolve_rotation(theirs),
            (Plan::Renew, _) => self.resolve_save(theirs),
            (Plan::Save | Plan::Nothing, _) => self.resolve_save(theirs),
            (Plan::Destroy, Some(_)) => Resolution::Remove,
            (Plan::Destroy, None) => Resolution::Gone,
        }
    }

    /// What is to be written where a new record shall go, when the store holds `theirs` there.
    fn resolve_create<'a>(&'a self, theirs: Option<&'a str>) -> Resolution<'a> {
        match theirs {
            Some(_) if self.adopt => resolve(self.base(), &self.text, theirs, self.conflict, self.empty),
            // Our own text is there: a commit whose answer was lost, tried again.
            Some(theirs) if theirs != self.text => Resolution::Refused,
            _ => Resolution::Write(Cow::Borrowed(&self.text)),
        }
    }

    /// What is to be written over the loaded record, when the store holds `theirs` there.
    fn resolve_save<'a>(&'a self, theirs: Option<&'a str>) -> Resolution<'a> {
        resolve(self.base(), &self.text, theirs, self.conflict, self.empty)
    }

    /// What is to be written under the new key, when the store holds `theirs` under the old one.
    fn resolve_rotation<'a>(&'a self, theirs: Option<&'a str>) -> Resolution<'a> {
        match (&self.base, theirs) {
            (None, _) => Resolution::Write(Cow::Borrowed(&self.text)),
            (Some(base), None) => match change::additions(base, &self.text) {
                Some(text) => Resolution::Write(Cow::Owned(text)),
                None => Resolution::Gone,
            },
            (Some(_), Some(_)) => self.resolve_save(theirs),
        }
    }

    /// The same commit on the record that a pointer leads to; what another request has renewed needs no renewing.
    fn moved_to(&self, target: &str) -> Self {
        let plan = match self.plan {
            Plan::Renew if self.base() == self.text => Plan::Nothing,
            Plan::Renew => Plan::Save,
            plan => plan,
        };
        Self { plan, key: target.to_owned(), follow: false, ..self.clone() }
    }

    /// The outcome of having stored `text`.
    fn saved(&self, text: &str) -> Outcome {
        Outcome::Saved((text != self.text).then(|| text.to_owned()))
    }
}
