use super::*;
use crate::commit::Conflict;
use crate::commit::Empty;
use crate::store::LONGEST;
use std::thread::{sleep, spawn};
use std::time::Duration;

pub const HOUR: u64 = 3_600_000;
pub const NO_BOUND: usize = 1 << 40;

fn commit(plan: Plan, key: &str, base: Option<&str>, text: &str) -> Commit {
    Commit {
        plan,
        key: key.into(),
        new_key: format!("new {key}"),
        base: base.map(str::to_owned),
        text: text.into(),
        ttl_ms: HOUR,
        conflict: Conflict::Merge,
        adopt: false,
        empty: Empty::Removed,
        grace_ms: 0,
        follow: false,
    }
}

#[test]
fn a_record_is_what_was_set_until_it_is_destroyed() {
    let store = MemoryStore::new(NO_BOUND);
    assert_eq!(store.load("k"), None);
    store.set("k", r#"{"a":1}"#, HOUR).unwrap();
    store.set("k", r#"{"a":"é"}"#, HOUR).unwrap();
    store.set("other", "{}", HOUR).unwrap();
    assert_eq!(store.load("k").unwrap(), r#"{"a":"é"}"#);
    assert!(store.destroy("k") && !store.destroy("k"));
    assert_eq!((store.load("k"), store.len()), (None, 1));
}

#[test]
fn bytes_are_counted_and_come_back() {
    let store = MemoryStore::new(NO_BOUND);
    for number in 0..1000 {
        store.set(&format!("k{number}"), &"x".repeat(number), HOUR).unwrap();
    }
    let counted: usize = (0..1000).map(|number| format!("k{number}").len() + number + RECORD_OVERHEAD).sum();
    assert_eq!(store.bytes(), counted);
    assert!((0..1000).all(|number| store.destroy(&format!("k{number}"))));
    assert_eq!((store.bytes(), store.len()), (0, 0));
    store.sweep(1);
    assert_eq!(store.lock().slots.len(), 0, "with the last record the slots go too");
}

#[test]
fn an_expired_record_is_unseen_at_its_deadline_and_never_written_again() {
    let store = MemoryStore::new(NO_BOUND);
    store.set("k", r#"{"a":1}"#, 1).unwrap();
    let start = Instant::now();
    while store.load("k").is_some() {
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    for plan in [Plan::Save, Plan::Destroy] {
        store.set("k", r#"{"a":1}"#, 1).unwrap();
        sleep(Duration::from_millis(3));
        assert_eq!(store.commit(&commit(plan, "k", Some(r#"{"a":1}"#), r#"{"a":2}"#)).unwrap(), Outcome::Gone);
    }
    assert_eq!(store.len(), 0);
}

#[test]
fn deadlines_have_64_bits() {
    let store = MemoryStore::new(NO_BOUND);
    store.set("thirty days", "{}", 30 * 24 * HOUR).unwrap();
    store.set("for ever", "{}", u64::MAX).unwrap();
    assert!(store.load("thirty days").is_some() && store.load("for ever").is_some());
}

#[test]
fn the_sweep_frees_expired_records_and_leaves_the_others() {
    let store = MemoryStore::new(NO_BOUND);
    for number in 0..5000 {
        store.set(&number.to_string(), "{}", if number % 5 == 0 { HOUR } else { 1 }).unwrap();
    }
    sleep(Duration::from_millis(3));
    for _ in 0..5 {
        store.sweep(1000);
    }
    assert_eq!(store.len(), 1000);
    assert!((0..5000).all(|number| store.load(&number.to_string()).is_some() == (number % 5 == 0)));
}

#[test]
fn the_sweeping_thread_frees_what_nobody_asks_for() {
    let store = MemoryStore::new(NO_BOUND);
    for number in 0..10_000 {
        store.set(&number.to_string(), "{}", 1).unwrap();
    }
    let start = Instant::now();
    while !store.is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60), "{} records are left", store.len());
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn past_the_bound_the_least_recently_used_goes() {
    let store = MemoryStore::new(10 * (RECORD_OVERHEAD + 3));
    for number in 0..10 {
        store.set(&number.to_string(), "{}", HOUR).unwrap();
    }
    assert!(store.load("0").is_some(), "used, so not the next to go");
    store.set("a", "{}", HOUR).unwrap();
    store.set("b", "{}", HOUR).unwrap();
    let left: Vec<_> = (0..10).filter(|number| store.load(&number.to_string()).is_some()).collect();
    assert_eq!((left, store.has_evicted()), (vec![0, 3, 4, 5, 6, 7, 8, 9], true));
}

#[test]
fn a_record_larger_than_the_bound_is_refused_and_the_old_one_stays() {
    let store = MemoryStore::new(200);
    store.set("k", r#"{"a":1}"#, HOUR).unwrap();
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(200));
    assert!(matches!(store.set("k", &large, HOUR), Err(Error::TooLarge { max_bytes: 200, .. })));
    assert!(store.commit(&commit(Plan::Save, "k", Some(r#"{"a":1}"#), &large)).is_err());
    assert_eq!(store.load("k").unwrap(), r#"{"a":1}"#);
}

#[test]
fn a_text_that_could_not_be_read_again_is_refused_whatever_the_bound() {
    let store = MemoryStore::new(NO_BOUND);
    store.set("k", "{}", HOUR).unwrap();
    let long = "x".repeat(LONGEST + 1);
    assert_eq!(store.set("k", &long, HOUR), Err(Error::TooLong(LONGEST)));
    assert_eq!(store.load("k").unwrap(), "{}");
    assert_eq!(store.set("k", &long[..LONGEST], HOUR), Ok(()));
}

#[test]
fn create_never_overwrites() {
    let store = MemoryStore::new(NO_BOUND);
    store.set("k", r#"{"a":1}"#, HOUR).unwrap();
    let mut create = commit(Plan::Create, "k", None, r#"{"b":2}"#);
    assert_eq!(store.commit(&create).unwrap(), Outcome::Refused);
    assert_eq!(store.load("k").unwrap(), r#"{"a":1}"#);
    create.adopt = true;
    assert_eq!(store.commit(&create).unwrap(), Outcome::Saved(Some(r#"{"a":1,"b":2}"#.into())));
    create.key = "free".into();
    assert_eq!(store.commit(&create).unwrap(), Outcome::Saved(None));
}

#[test]
fn a_create_whose_own_text_is_stored_counts_as_saved() {
    let store = MemoryStore::new(NO_BOUND);
    let create = commit(Plan::Create, "k", None, r#"{"b":2}"#);
    assert_eq!(store.commit(&create).unwrap(), Outcome::Saved(None));
    assert_eq!(store.commit(&create).unwrap(), Outcome::Saved(None));
}

#[test]
fn rotate_carries_over_what_others_saved_and_ends_the_old_record() {
    let store = MemoryStore::new(NO_BOUND);
    store.set("k", r#"{"a":1,"theirs":1}"#, HOUR).unwrap();
    let rotate = commit(Plan::Rotate, "k", Some(r#"{"a":1}"#), r#"{"a":1,"user":"x"}"#);
    let merged = r#"{"a":1,"theirs":1,"user":"x"}"#;
    assert_eq!(store.commit(&rotate).unwrap(), Outcome::Saved(Some(merged.into())));
    assert_eq!((store.load("k"), store.load("new k").unwrap().as_str()), (None, merged));
    let late = commit(Plan::Save, "k", Some(r#"{"a":1}"#), r#"{"a":2}"#);
    assert_eq!(store.commit(&late).unwrap(), Outcome::Gone);
}

#[test]
fn rotate_of_a_gone_record_keeps_only_what_the_request_added() {
    let store = MemoryStore::new(NO_BOUND);
    let mut rotate = commit(Plan::Rotate, "k", Some(r#"{"a":1}"#), r#"{"a":2,"user":"x"}"#);
    assert_eq!(store.commit(&rotate).unwrap(), Outcome::Saved(Some(r#"{"user":"x"}"#.into())));
    rotate.text = r#"{"a":3}"#.into();
    rotate.new_key = "other".into();
    assert_eq!(store.commit(&rotate).unwrap(), Outcome::Gone);
    assert_eq!(store.load("other"), None);
}

#[test]
fn a_renewed_record_is_found_through_its_pointer_for_the_time_of_grace() {
    let store = MemoryStore::new(NO_BOUND);
    store.set("k", "{}", HOUR).unwrap();
    let renew = |new_key: &str, grace_ms| Commit {
        new_key: new_key.into(),
        grace_ms,
        follow: true,
        empty: Empty::Kept,
        ..commit(Plan::Renew, "k", Some("{}"), "{}")
    };
    assert_eq!(store.commit(&renew("one", HOUR)).unwrap(), Outcome::Saved(None));
    let moved = |outcome| Outcome::Moved("one".into(), Box::new(outcome));
    assert_eq!(store.commit(&renew("two", HOUR)).unwrap(), moved(Outcome::Saved(None)));
    assert_eq!(store.find("k").unwrap().key.as_deref(), Some("one"));
    assert_eq!(store.find("one").unwrap().key, None);
    let late = Commit { follow: true, ..commit(Plan::Save, "k", Some("{}"), r#"{"a":1}"#) };
    assert_eq!(store.commit(&late).unwrap(), moved(Outcome::Saved(None)));
    let destroy = Commit { follow: true, ..commit(Plan::Destroy, "k", Some("{}"), "") };
    assert_eq!(store.commit(&destroy).unwrap(), moved(Outcome::Destroyed));
    assert_eq!((store.find("k"), store.find("one"), store.find("two")), (None, None, None));
    assert_eq!(store.commit(&renew("late", HOUR)).unwrap(), moved(Outcome::Gone));
    store.set("k", "{}", HOUR).unwrap();
    assert_eq!(store.commit(&renew("three", 1)).unwrap(), Outcome::Saved(None));
    sleep(Duration::from_millis(3));
    assert_eq!(store.find("k"), None);
}

#[test]
fn many_threads_lose_no_change() {
    let store = MemoryStore::new(NO_BOUND);
    store.set("k", "{}", HOUR).unwrap();
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let store = store.clone();
            spawn(move || {
                for number in 0..100 {
                    let ours = format!(r#"{{"t{thread}n{number}":1}}"#);
                    let outcome = store.commit(&commit(Plan::Save, "k", Some("{}"), &ours)).unwrap();
                    assert!(matches!(outcome, Outcome::Saved(_)));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let all: serde_json::Value = serde_json::from_str(&store.load("k").unwrap()).unwrap();
    assert_eq!(all.as_object().unwrap().len(), 800);
}
