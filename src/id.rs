//! Session ids: drawn from the CSPRNG, written in characters that need no quoting in a cookie or a key.

use rand::Rng;

const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A new session id: 24 random bytes in base64url (RFC 4648, section 5), 32 characters.
///
/// # Panics
/// When the operating system gives no randomness; a session id must never be guessable.
pub fn generate() -> String {
    let mut bytes = [0u8; 24];
    rand::rng().fill_bytes(&mut bytes);
    let mut id = String::with_capacity(32);
    for group in bytes.as_chunks::<3>().0 {
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for shift in [18, 12, 6, 0] {
            id.push(char::from(BASE64URL[(bits >> shift) as usize & 63]));
        }
    }
    id
}

/// A new session id as koa-imsession makes them: 16 random bytes in 32 lower-case hexadecimal digits.
///
/// # Panics
/// When the operating system gives no randomness.
pub fn generate_hex() -> String {
    let mut bytes = [0u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_32_base64url_characters_and_never_repeat() {
        let ids: HashSet<String> = (0..10_000).map(|_| generate()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| BASE64URL.contains(&b))));
    }

    #[test]
    fn hexadecimal_ids_are_32_lower_case_digits_and_never_repeat() {
        let ids: HashSet<String> = (0..10_000).map(|_| generate_hex()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b"0123456789abcdef".contains(&b))));
    }

    #[test]
    fn every_character_of_the_alphabet_appears_in_every_place() {
        let mut seen = vec![HashSet::new(); 32];
        for _ in 0..10_000 {
            generate().bytes().enumerate().for_each(|(place, byte)| {
                seen[place].insert(byte);
            });
        }
        assert!(seen.iter().all(|bytes| bytes.len() == 64));
    }
}
