//! Where a key's slot is.

use super::Slot;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Slots by the hash of their key, in parts: one that grows moves its own places only, and nobody waits long for it.
pub struct Index {
    parts: Vec<HashTable<u32>>,
    hasher: FixedState,
    len: usize,
}

const PARTS: usize = 256;

impl Index {
    pub fn new() -> Self {
        let parts = std::iter::repeat_with(HashTable::new).take(PARTS).collect();
        Self { parts, hasher: FixedState::with_seed(rand::random()), len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// By the hash's middle bits: a table itself goes by the lowest and the highest ones.
    fn part(hash: u64) -> usize {
        (hash >> 32) as usize % PARTS
    }

    pub fn find(&self, key: &str, slots: &[Slot]) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        self.parts[Self::part(hash)].find(hash, |place| slots[*place as usize].key() == key).copied()
    }

    pub fn insert(&mut self, place: u32, slots: &[Slot]) {
        let Self { parts, hasher, len } = self;
        let hash_of = |place: &u32| hasher.hash_one(slots[*place as usize].key());
        let hash = hash_of(&place);
        parts[Self::part(hash)].insert_unique(hash, place, hash_of);
        *len += 1;
    }

    pub fn remove(&mut self, place: u32, slots: &[Slot]) {
        let hash = self.hasher.hash_one(slots[place as usize].key());
        if let Ok(entry) = self.parts[Self::part(hash)].find_entry(hash, |other| *other == place) {
            entry.remove();
            self.len -= 1;
        }
    }
}
