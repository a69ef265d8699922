//! The embedded store: records in memory, off the JavaScript heap, bounded and expiring.
//!
//! One lock guards a store; the sweep gives it up after every slice.

mod index;
mod sweeper;

use super::{Commit, Found, Outcome, fits, pointer_key};
use crate::commit::{Plan, Resolution};
use crate::error::Error;
use index::Index;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use sweeper::Sweeper;

/// What a record takes beside its key and text: its slot, its place in the index, the allocator's header.
const RECORD_OVERHEAD: usize = 64;

/// A store of JSON texts under string keys, safe to share between threads.
pub struct MemoryStore {
    max_bytes: usize,
    inner: Mutex<Inner>,
    has_evicted: AtomicBool,
}

struct Inner {
    index: Index,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The ends of the list in order of use; `NONE` if the store is empty.
    newest: u32,
    oldest: u32,
    bytes: usize,
    /// Where the sweep goes on.
    swept: usize,
    evicted: bool,
}

/// A record, or a free slot (`data` empty; no key is).
struct Slot {
    /// The key, then the text.
    data: Box<str>,
    key_len: u32,
    newer: u32,
    older: u32,
    /// In milliseconds of [`now_ms`]: the record is unseen from then on.
    deadline: u64,
}

const NONE: u32 = u32::MAX;

impl MemoryStore {
    /// A store that holds at most `max_bytes` of keys, texts and bookkeeping; past that the least recently used
    /// record goes.
    pub fn new(max_bytes: usize) -> Arc<Self> {
        let (inner, has_evicted) = (Mutex::new(Inner::new()), AtomicBool::new(false));
        let store = Arc::new(Self { max_bytes, inner, has_evicted });
        Sweeper::watch(&store);
        store
    }

    /// The text of a record; `None` if there is none or its time is over.
    pub fn load(&self, key: &str) -> Option<String> {
        self.read(key, str::to_owned)
    }

    /// Lends the text of a record to `look`; `None` if there is none or its time is over.
    pub fn read<T>(&self, key: &str, look: impl FnOnce(&str) -> T) -> Option<T> {
        self.lock().get(key).map(look)
    }

    /// Writes a record, whatever was there.
    pub fn set(&self, key: &str, text: &str, ttl_ms: u64) -> Result<(), Error> {
        self.with_room(|inner| inner.put(key, text, ttl_ms, self.max_bytes))
    }

    /// Removes a record; was there one?
    pub fn destroy(&self, key: &str) -> bool {
        let mut inner = self.lock();
        let live = inner.get(key).is_some();
        if live {
            inner.remove(key);
        }
        live
    }

    /// The record under a key, or where a pointer leads from there.
    pub fn find(&self, key: &str) -> Option<Found> {
        let mut inner = self.lock();
        if let Some((text, ttl_ms)) = inner.get_with_ttl(key) {
            return Some(Found { text, ttl_ms, key: None });
        }
        let target = inner.get(&pointer_key(key))?.to_owned();
        let (text, ttl_ms) = inner.get_with_ttl(&target)?;
        Some(Found { text, ttl_ms, key: Some(target) })
    }

    /// Carries out the end of a request, in one step under the lock.
    pub fn commit(&self, commit: &Commit) -> Result<Outcome, Error> {
        self.with_room(|inner| {
            if commit.follow
                && inner.get(&commit.key).is_none()
                && let Some(target) = inner.get(&pointer_key(&commit.key)).map(str::to_owned)
            {
                let outcome = inner.commit(&commit.moved_to(&target), self.max_bytes)?;
                return Ok(Outcome::Moved(target, Box::new(outcome)));
            }
            inner.commit(commit, self.max_bytes)
        })
    }

    /// Does work that may write, and notes whether records had to make room for it.
    fn with_room<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let done = work(&mut inner);
        if inner.evicted {
            self.has_evicted.store(true, Ordering::Relaxed);
        }
        done
    }

    /// Bytes held now, bookkeeping included.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Records held now; expired ones count until they are swept.
    pub fn len(&self) -> usize {
        self.lock().index.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Have records had to go before their time since the store was made?
    pub fn has_evicted(&self) -> bool {
        self.has_evicted.load(Ordering::Relaxed)
    }

    /// Frees all records.
    pub fn clear(&self) {
        let emptied = std::mem::replace(&mut *self.lock(), Inner::new());
        drop(emptied); // out of the lock
    }

    /// Frees expired records among at most `count` slots, going on where the last call ended; with the last record it
    /// gives the slots and the index back too.
    fn sweep(&self, count: usize) {
        let mut inner = self.lock();
        let now = now_ms();
        for _ in 0..count.min(inner.slots.len()) {
            let slot = inner.swept % inner.slots.len();
            inner.swept = slot + 1;
            if !inner.slots[slot].data.is_empty() && inner.slots[slot].deadline <= now {
                inner.free_slot(slot as u32);
            }
        }
        if inner.index.len() == 0 && !inner.slots.is_empty() {
            let emptied = std::mem::replace(&mut *inner, Inner::new());
            drop(inner);
            drop(emptied); // which takes its time, out of the lock
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic under the lock can at worst leave a record too many: the store goes on.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn new() -> Self {
        Self {
            index: Index::new(),
            slots: Vec::new(),
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
            bytes: 0,
            swept: 0,
            evicted: false,
        }
    }

    fn slot(&self, place: u32) -> &Slot {
        &self.slots[place as usize]
    }

    fn slot_mut(&mut self, place: u32) -> &mut Slot {
        &mut self.slots[place as usize]
    }

    fn find(&self, key: &str) -> Option<u32> {
        self.index.find(key, &self.slots)
    }

    /// The live record's text; marks it as used, and frees it if its time is over.
    fn get(&mut self, key: &str) -> Option<&str> {
        let place = self.find_live(key, now_ms())?;
        Some(self.slot(place).text())
    }

    fn find_live(&mut self, key: &str, now: u64) -> Option<u32> {
        let place = self.find(key)?;
        if self.slot(place).deadline <= now {
            self.free_slot(place);
            return None;
        }
        self.use_now(place);
        Some(place)
    }

    fn get_with_ttl(&mut self, key: &str) -> Option<(String, i64)> {
        let text = self.get(key)?.to_owned();
        let ttl_ms = self.slot(self.find(key)?).deadline.saturating_sub(now_ms());
        Some((text, i64::try_from(ttl_ms).unwrap_or(i64::MAX)))
    }

    fn commit(&mut self, commit: &Commit, max_bytes: usize) -> Result<Outcome, Error> {
        let Commit { plan, key, new_key, ttl_ms, grace_ms, .. } = commit;
        let target = match plan {
            Plan::Nothing if self.get(key).is_some() => return Ok(Outcome::Saved(None)),
            Plan::Nothing => return Ok(Outcome::Gone),
            Plan::Rotate | Plan::Renew if self.get(new_key).is_some() => return Ok(Outcome::Refused),
            Plan::Rotate | Plan::Renew => new_key,
            _ => key,
        };
        let now = now_ms();
        let found = self.find_live(key, now);
        let write = match commit.resolve(found.map(|place| self.slot(place).text())) {
            Resolution::Write(text) => Some((Slot::new(target, &text, now, *ttl_ms), commit.saved(&text))),
            Resolution::Remove => None,
            Resolution::Gone => return Ok(Outcome::Gone),
            Resolution::Refused => return Ok(Outcome::Refused),
        };
        let Some((slot, saved)) = write else {
            self.remove(key);
            return Ok(Outcome::Destroyed);
        };
        let place = if target == key { found } else { self.find(target) };
        self.put_at(place, slot, max_bytes)?;
        if target != key && self.remove(key) && *grace_ms > 0 {
            self.put(&pointer_key(key), new_key, *grace_ms, max_bytes)?;
        }
        Ok(saved)
    }

    fn put(&mut self, key: &str, text: &str, ttl_ms: u64, max_bytes: usize) -> Result<(), Error> {
        self.put_at(self.find(key), Slot::new(key, text, now_ms(), ttl_ms), max_bytes)
    }

    /// Writes a record in the place of its key's, or in a new one.
    fn put_at(&mut self, place: Option<u32>, slot: Slot, max_bytes: usize) -> Result<(), Error> {
        let bytes = slot.data.len() + RECORD_OVERHEAD;
        if bytes > max_bytes {
            return Err(Error::TooLarge { bytes, max_bytes });
        }
        fits(slot.text())?;
        if let Some(place) = place {
            self.use_now(place); // and so not the one to be evicted for itself
            self.bytes -= self.slot(place).data.len() + RECORD_OVERHEAD;
            self.make_room(bytes, max_bytes);
            let own = self.slot_mut(place);
            (own.data, own.deadline) = (slot.data, slot.deadline);
            self.bytes += bytes;
            return Ok(());
        }
        self.make_room(bytes, max_bytes);
        let place = match self.free.pop() {
            Some(place) => {
                *self.slot_mut(place) = slot;
                place
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.index.insert(place, &self.slots);
        self.link_newest(place);
        self.bytes += bytes;
        Ok(())
    }

    fn make_room(&mut self, bytes: usize, max_bytes: usize) {
        while self.bytes + bytes > max_bytes {
            self.free_slot(self.oldest);
            self.evicted = true;
        }
    }

    fn remove(&mut self, key: &str) -> bool {
        let found = self.find(key);
        found.inspect(|place| self.free_slot(*place)).is_some()
    }

    fn free_slot(&mut self, place: u32) {
        self.index.remove(place, &self.slots);
        self.unlink(place);
        let data = std::mem::take(&mut self.slot_mut(place).data);
        self.bytes -= data.len() + RECORD_OVERHEAD;
        self.free.push(place);
    }

    fn use_now(&mut self, place: u32) {
        if self.newest != place {
            self.unlink(place);
            self.link_newest(place);
        }
    }

    fn link_newest(&mut self, place: u32) {
        let older = std::mem::replace(&mut self.newest, place);
        self.slot_mut(place).older = older;
        self.slot_mut(place).newer = NONE;
        match older {
            NONE => self.oldest = place,
            older => self.slot_mut(older).newer = place,
        }
    }

    fn unlink(&mut self, place: u32) {
        let Slot { newer, older, .. } = *self.slot(place);
        match newer {
            NONE => self.newest = older,
            newer => self.slot_mut(newer).older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.slot_mut(older).newer = newer,
        }
    }
}

impl Slot {
    fn new(key: &str, text: &str, now: u64, ttl_ms: u64) -> Self {
        let data = [key, text].concat().into_boxed_str();
        Self { data, key_len: key.len() as u32, newer: NONE, older: NONE, deadline: now.saturating_add(ttl_ms) }
    }

    fn key(&self) -> &str {
        &self.data[..self.key_len as usize]
    }

    fn text(&self) -> &str {
        &self.data[self.key_len as usize..]
    }
}

/// Milliseconds on the monotonic clock since its first use: setting the wall clock ends no session.
fn now_ms() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_millis() as u64
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
