//! A pool of texts for the way to the I/O thread and back: what one thread allocates and another frees can make both wait
//! for one lock of the allocator (glibc's does).

use std::sync::{Mutex, PoisonError};

/// Empty texts, in UTF-8, for the room that they have.
pub struct Pool(Mutex<Vec<Vec<u8>>>);

/// Of the process, as the I/O thread is.
pub static POOL: Pool = Pool(Mutex::new(Vec::new()));

/// As many as 256 loads, or half as many commits, that are under way.
const MOST: usize = 256;

/// With the above, half a megabyte is kept at most.
const MOST_BYTES: usize = 2048;

impl Pool {
    /// An empty text, with room if there is any.
    pub fn take(&self) -> Vec<u8> {
        self.change(Vec::pop).unwrap_or_default()
    }

    /// A copy, in the room of a text if it is short.
    pub fn copy(&self, text: &[u8]) -> Vec<u8> {
        let mut copy = if text.len() > MOST_BYTES { Vec::new() } else { self.take() };
        copy.reserve_exact(text.len());
        copy.extend_from_slice(text);
        copy
    }

    /// Keeps a text that is not needed any more, unless there are enough.
    pub fn give(&self, text: impl Into<Vec<u8>>) {
        let mut text = text.into();
        if !(1..=MOST_BYTES).contains(&text.capacity()) {
            return;
        }
        text.clear();
        let surplus = self.change(|texts| {
            if texts.len() == MOST {
                return Some(text);
            }
            texts.push(text);
            None
        });
        drop(surplus); // with the lock let go
    }

    fn change<T>(&self, what: impl FnOnce(&mut Vec<Vec<u8>>) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_used_again_and_are_not_kept_without_end() {
        let pool = Pool(Mutex::default());
        assert_eq!(pool.take().capacity(), 0);
        pool.give(String::from("a session"));
        let again = pool.take();
        assert_eq!((again.as_slice(), again.capacity()), (b"".as_slice(), "a session".len()));
        pool.give(Vec::with_capacity(MOST_BYTES + 1));
        assert_eq!(pool.take().capacity(), 0);
        pool.give(String::from("a session"));
        let copy = pool.copy(b"another");
        assert_eq!((copy.as_slice(), copy.capacity()), (b"another".as_slice(), "a session".len()));
        pool.give(String::from("a session"));
        pool.give(Vec::new());
        assert_eq!(pool.copy(&[b'x'; MOST_BYTES + 1]), [b'x'; MOST_BYTES + 1]);
        assert_eq!(
            pool.take().capacity(),
            "a session".len(),
            "long texts take nothing, and what has no room is not kept"
        );
        assert_eq!(pool.take().capacity(), 0);
        (0..2 * MOST).for_each(|_| pool.give(Vec::with_capacity(1)));
        assert_eq!(std::iter::repeat_with(|| pool.take()).take_while(|text| text.capacity() > 0).count(), MOST);
    }
}
