//! Commits on Redis: compare and swap, by `SET ... IFEQ` where the server has it and by a script where not.

use super::{POOL, RedisStore, bytes, command, del, get, lossy, set, text_of};
use crate::commit::{Conflict, Plan, Resolution};
use crate::error::Error;
use crate::store::{Commit, Outcome, fits, pointer_key};
use redis::Value;
use std::borrow::Cow;
use std::sync::LazyLock;

/// How often a commit tries again when other processes keep changing its record.
const TRIES: u32 = 64;

/// Texts up to this length travel themselves: to hash them would cost the server more than to read them.
const SHORT: usize = 1024;

/// What a compare and swap met.
enum Swap {
    Done,
    Missing,
    Held(Vec<u8>),
}

impl RedisStore {
    /// Carries out the end of a request.
    pub(super) async fn commit(&self, commit: &Commit) -> Result<Outcome, Error> {
        let outcome = match commit.plan {
            Plan::Nothing if self.ask(&commit.key, get(&commit.key)).await.map(bytes)?.is_some() => {
                Outcome::Saved(None)
            }
            Plan::Nothing => Outcome::Gone,
            Plan::Create => self.create(commit).await?,
            Plan::Save => self.save(commit).await?,
            Plan::Rotate | Plan::Renew => return self.rotate(commit).await,
            Plan::Destroy if self.delete(&commit.key).await? => Outcome::Destroyed,
            Plan::Destroy => Outcome::Gone,
        };
        if outcome == Outcome::Gone
            && let Some(target) = self.pointer(commit).await?
        {
            return self.follow(commit, target).await;
        }
        Ok(outcome)
    }

    /// Where a pointer leads from the commit's key, if it follows one: the record was rotated, and is there still.
    async fn pointer(&self, commit: &Commit) -> Result<Option<String>, Error> {
        if !commit.follow {
            return Ok(None);
        }
        let pointer = pointer_key(&commit.key);
        let target = self.ask(&pointer, get(&pointer)).await.map(bytes)?;
        Ok(target.map(text_of))
    }

    /// Carries the commit out where a pointer leads. One hop: it follows no further.
    async fn follow(&self, commit: &Commit, target: String) -> Result<Outcome, Error> {
        let outcome = Box::pin(self.commit(&commit.moved_to(&target))).await?;
        Ok(Outcome::Moved(target, Box::new(outcome)))
    }

    async fn create(&self, commit: &Commit) -> Result<Outcome, Error> {
        let Commit { key, ttl_ms, .. } = commit;
        for _ in 0..TRIES {
            if self.insert(key, &commit.text, *ttl_ms).await? {
                return Ok(Outcome::Saved(None));
            }
            // It was taken; if it is free by now, try again.
            let Some(held) = self.ask(key, get(key)).await.map(bytes)? else { continue };
            let theirs = lossy(&held);
            let Resolution::Write(text) = commit.resolve(Some(&theirs)) else { return Ok(Outcome::Refused) };
            if let Swap::Done = self.swap(commit, key, &held, Some(&text)).await? {
                return Ok(commit.saved(&text));
            }
        }
        Err(Error::Contention(TRIES))
    }

    async fn save(&self, commit: &Commit) -> Result<Outcome, Error> {
        let mut seen = commit.base().as_bytes().to_vec();
        for _ in 0..TRIES {
            let theirs = lossy(&seen);
            let text = match commit.resolve(Some(&theirs)) {
                Resolution::Write(text) => Some(text),
                Resolution::Remove => None,
                Resolution::Gone => return Ok(Outcome::Gone),
                Resolution::Refused => return Ok(Outcome::Refused),
            };
            match self.swap(commit, &commit.key, &seen, text.as_deref()).await? {
                Swap::Done => return Ok(text.map_or(Outcome::Destroyed, |text| commit.saved(&text))),
                Swap::Missing => return Ok(Outcome::Gone),
                Swap::Held(held) => seen = held,
            }
        }
        Err(Error::Contention(TRIES))
    }

    /// First the new record, then the old one's removal: whatever fails, nobody is logged out.
    async fn rotate(&self, commit: &Commit) -> Result<Outcome, Error> {
        let Commit { key, new_key, ttl_ms, .. } = commit;
        let mut seen = commit.base().as_bytes().to_vec();
        let mut written: Option<String> = None;
        for _ in 0..TRIES {
            let theirs = lossy(&seen);
            let text = match commit.resolve(Some(&theirs)) {
                Resolution::Write(text) => Some(text.into_owned()),
                Resolution::Refused => {
                    if written.is_some() {
                        self.delete(new_key).await?;
                    }
                    return Ok(Outcome::Refused);
                }
                Resolution::Remove | Resolution::Gone => None, // nothing is left to carry over
            };
            match (&text, &written) {
                (Some(text), None) if !self.insert(new_key, text, *ttl_ms).await? => return Ok(Outcome::Refused),
                (Some(text), Some(_)) => drop(self.ask(new_key, set(new_key, text, *ttl_ms)?).await?),
                (None, Some(_)) => drop(self.delete(new_key).await?),
                _ => {}
            }
            written = text;
            let removed = match commit.base {
                Some(_) => self.swap(commit, key, &seen, None).await,
                None => self.delete(key).await.map(|_| Swap::Done),
            };
            match (removed, written.as_deref()) {
                (Ok(Swap::Done), Some(text)) => return Ok(commit.saved(text)),
                (Ok(Swap::Done), None) => return Ok(Outcome::Destroyed),
                (Ok(Swap::Held(held)), _) => seen = held,
                (Ok(Swap::Missing), written) => return self.rotate_gone(commit, written.is_some()).await,
                // Never allowed to: the old id would live on at each login, and only the log would tell.
                (Err(error), Some(_)) if is_forbidden(&error) => {
                    self.delete(new_key).await?;
                    return Err(error);
                }
                (Err(error), Some(text)) => {
                    return Ok(Outcome::Unremoved((text != commit.text).then(|| text.to_owned()), error));
                }
                (Err(error), None) => return Err(error),
            }
        }
        if written.is_some() {
            self.delete(new_key).await?;
        }
        Err(Error::Contention(TRIES))
    }

    /// The old record has gone meanwhile: only what the request added may live on under the new key.
    async fn rotate_gone(&self, commit: &Commit, written: bool) -> Result<Outcome, Error> {
        let Commit { new_key, ttl_ms, .. } = commit;
        if let Some(target) = self.pointer(commit).await? {
            if written {
                self.delete(new_key).await?; // nobody was ever told of it
            }
            return self.follow(commit, target).await;
        }
        match commit.resolve(None) {
            Resolution::Write(text) => {
                self.ask(new_key, set(new_key, &text, *ttl_ms)?).await?;
                Ok(commit.saved(&text))
            }
            _ => {
                if written {
                    self.delete(new_key).await?;
                }
                Ok(Outcome::Gone)
            }
        }
    }

    /// Replaces the record by `text` if it is what was `seen`; in overwrite mode, if it is there at all. `None` removes
    /// it, and leaves the pointer that the commit asks for.
    async fn swap(&self, commit: &Commit, key: &str, seen: &[u8], text: Option<&str>) -> Result<Swap, Error> {
        if commit.conflict == Conflict::Overwrite {
            return self.overwrite(commit, key, text).await;
        }
        text.map_or(Ok(()), fits)?;
        let reply = match text {
            Some(text) if self.servers.has_ifeq(key) => {
                let ttl_ms = commit.ttl_ms.to_string();
                let arguments = [key.as_bytes(), text.as_bytes(), b"IFEQ", seen, b"GET", b"PX", ttl_ms.as_bytes()];
                self.ask(key, command("SET", &arguments)).await?
            }
            _ => self.run_script(commit, key, seen, text).await?,
        };
        Ok(match reply {
            Value::Int(1) => Swap::Done,
            Value::Int(_) | Value::Nil => Swap::Missing,
            other => match bytes(other) {
                Some(held) if held == seen => {
                    POOL.give(held);
                    Swap::Done
                }
                Some(held) => Swap::Held(held),
                None => return Err(Error::Refused("a reply of an unknown kind".into())),
            },
        })
    }

    /// Without a script: the later write wins, but what is gone stays gone.
    async fn overwrite(&self, commit: &Commit, key: &str, text: Option<&str>) -> Result<Swap, Error> {
        let pointer = pointer_key(key);
        let done = match text {
            Some(text) => !matches!(self.ask(key, set(key, text, commit.ttl_ms)?.arg("XX").take()).await?, Value::Nil),
            None if commit.grace_ms == 0 => self.delete(key).await?,
            // The pointer first, so that nobody finds neither; and none to a session that was destroyed.
            None if !self.insert(&pointer, &commit.new_key, commit.grace_ms).await? => false,
            None if self.delete(key).await? => true,
            None => {
                self.delete(&pointer).await?;
                false
            }
        };
        Ok(if done { Swap::Done } else { Swap::Missing })
    }

    async fn run_script(&self, commit: &Commit, key: &str, seen: &[u8], text: Option<&str>) -> Result<Value, Error> {
        static SCRIPT: &str = include_str!("commit.lua");
        static SHA: LazyLock<String> = LazyLock::new(|| sha1_hex(SCRIPT.as_bytes()));
        let seen = if seen.len() > SHORT { Cow::Owned(sha1_hex(seen).into_bytes()) } else { Cow::Borrowed(seen) };
        let (record, text, ttl_ms) = (key.as_bytes(), text.map(str::as_bytes), commit.ttl_ms.to_string());
        let ttl_ms = ttl_ms.as_bytes();
        let call = |how: &str, script: &str| match text {
            None if commit.grace_ms > 0 => {
                let (pointer, target, grace_ms) =
                    (pointer_key(key), commit.new_key.as_bytes(), commit.grace_ms.to_string());
                let (pointer, grace_ms) = (pointer.as_bytes(), grace_ms.as_bytes());
                command(how, &[script.as_bytes(), b"2", record, pointer, &seen, b"", ttl_ms, target, grace_ms])
            }
            _ => command(how, &[script.as_bytes(), b"1", record, &seen, text.unwrap_or_default(), ttl_ms]),
        };
        let reply = match self.ask(key, call("EVALSHA", &SHA)).await {
            Err(Error::Refused(why)) if why.starts_with("NOSCRIPT") => self.ask(key, call("EVAL", SCRIPT)).await,
            reply => reply,
        };
        reply.map_err(|error| match error {
            Error::Refused(why) if why.starts_with("NOPERM") => Error::Refused(format!(
                "{why}; merging and update() need the permissions +evalsha +eval +get +set +del; conflict: 'overwrite' does without merging"
            )),
            error => error,
        })
    }

    /// Writes a record where there is none; was the key free?
    async fn insert(&self, key: &str, text: &str, ttl_ms: u64) -> Result<bool, Error> {
        Ok(!matches!(self.ask(key, set(key, text, ttl_ms)?.arg("NX").take()).await?, Value::Nil))
    }

    /// Removes a record; was there one?
    async fn delete(&self, key: &str) -> Result<bool, Error> {
        Ok(matches!(self.ask(key, del(key)).await?, Value::Int(1)))
    }
}

fn is_forbidden(error: &Error) -> bool {
    matches!(error, Error::Refused(why) if why.starts_with("NOPERM"))
}

fn sha1_hex(bytes: &[u8]) -> String {
    sha1_smol::Sha1::from(bytes).digest().to_string()
}
