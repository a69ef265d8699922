//! Random interleavings of several clients against a small reference model on parsed values.

use super::tests::{HOUR, NO_BOUND};
use super::*;
use crate::change::tests::{object, reference};
use crate::commit::{Conflict, Empty, Request, plan};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// One step of one of the clients, which share their sessions.
#[derive(Debug, Clone)]
enum Step {
    /// Begin a request with one of the ids seen so far.
    Load {
        client: usize,
        id: usize,
    },
    Set {
        client: usize,
        key: String,
        value: Json,
    },
    Remove {
        client: usize,
        key: String,
    },
    Clear {
        client: usize,
    },
    Regenerate {
        client: usize,
    },
    /// End the request.
    Commit {
        client: usize,
    },
}

const CLIENTS: usize = 3;

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    let key = "[a-c]";
    let value = prop_oneof![3 => (0..3).prop_map(Json::from), 1 => object((0..3).prop_map(Json::from))];
    prop_oneof![
        4 => (client.clone(), 0..4usize).prop_map(|(client, id)| Step::Load { client, id }),
        6 => (client.clone(), key, value).prop_map(|(client, key, value)| Step::Set { client, key, value }),
        2 => (client.clone(), key).prop_map(|(client, key)| Step::Remove { client, key }),
        1 => client.clone().prop_map(|client| Step::Clear { client }),
        1 => client.clone().prop_map(|client| Step::Regenerate { client }),
        4 => client.prop_map(|client| Step::Commit { client }),
    ]
}

/// A request that is under way.
#[derive(Debug, Clone, Default)]
struct Client {
    id: Option<String>,
    base: Option<Json>,
    /// `None` when the session was cleared.
    now: Option<Json>,
    regenerated: bool,
}

/// What the reference holds, and what it expects of a commit.
type Model = BTreeMap<String, Json>;

fn expected(model: &mut Model, client: &Client, new_id: &str) -> Outcome {
    let empty = |value: &Json| value == &json!({});
    let Some(base) = &client.base else {
        match &client.now {
            Some(now) if !empty(now) => drop(model.insert(new_id.into(), now.clone())),
            _ if client.regenerated && client.id.is_some() => return Outcome::Gone,
            _ => {}
        }
        return Outcome::Saved(None);
    };
    let id = client.id.as_ref().unwrap();
    let theirs = model.get(id).cloned();
    let Some(now) = &client.now else {
        return if model.remove(id).is_some() { Outcome::Destroyed } else { Outcome::Gone };
    };
    if now == base && !client.regenerated {
        return Outcome::Saved(None);
    }
    let (merged, target) = match theirs {
        Some(theirs) => (reference(Some(base), now, &theirs), if client.regenerated { new_id } else { id }),
        None if client.regenerated => {
            let added = now.as_object().unwrap().iter().filter(|(key, _)| base.get(key.as_str()).is_none());
            let added = Json::Object(added.map(|(key, value)| (key.clone(), value.clone())).collect());
            if empty(&added) {
                return Outcome::Gone;
            }
            (added, new_id)
        }
        None => return Outcome::Gone,
    };
    model.remove(id);
    if empty(&merged) {
        return Outcome::Destroyed;
    }
    model.insert(target.into(), merged.clone());
    Outcome::Saved((&merged != now).then(|| merged.to_string()))
}

/// Texts differ in key order only.
fn alike(a: &Outcome, b: &Outcome) -> bool {
    match (a, b) {
        (Outcome::Saved(Some(a)), Outcome::Saved(Some(b))) => parsed(a) == parsed(b),
        // A merge that comes out as our own text in another order.
        (Outcome::Saved(_), Outcome::Saved(_)) => true,
        (a, b) => a == b,
    }
}

fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn interleaved_requests_end_as_in_the_model(steps in prop::collection::vec(step(), 1..40)) {
        let store = MemoryStore::new(NO_BOUND);
        let mut model = Model::from([("id0".to_owned(), json!({"a": 0}))]);
        store.set("id0", r#"{"a":0}"#, HOUR).unwrap();
        let mut ids = vec!["id0".to_owned()];
        let mut clients: Vec<Client> = vec![Client { now: Some(json!({})), ..Client::default() }; CLIENTS];
        for step in steps {
            match step {
                Step::Load { client, id } => {
                    let id = &ids[ids.len() - 1 - id.min(ids.len() - 1)];
                    let text = store.load(id);
                    prop_assert_eq!(text.as_deref().map(parsed), model.get(id).cloned());
                    let base = text.as_deref().map(parsed);
                    let now = Some(base.clone().unwrap_or_else(|| json!({})));
                    clients[client] = Client { id: Some(id.clone()), base, now, regenerated: false };
                }
                Step::Set { client, key, value } => {
                    clients[client].now.get_or_insert_with(|| json!({}))[key] = value;
                }
                Step::Remove { client, key } => {
                    clients[client].now.as_mut().and_then(Json::as_object_mut).and_then(|now| now.remove(&key));
                }
                Step::Clear { client } => clients[client].now = None,
                Step::Regenerate { client } => clients[client].regenerated = true,
                Step::Commit { client } => {
                    let new_id = format!("id{}", ids.len());
                    let client = std::mem::replace(&mut clients[client], Client { now: Some(json!({})), ..Client::default() });
                    let (base, now) = (client.base.as_ref().map(Json::to_string), client.now.as_ref().map(Json::to_string));
                    let request = Request {
                        base: base.as_deref(),
                        now: now.as_deref(),
                        regenerated: client.regenerated,
                        presented: client.id.is_some(),
                    };
                    let plan = plan(request);
                    let creates = plan == Plan::Create;
                    let commit = Commit {
                        plan,
                        key: if creates { new_id.clone() } else { client.id.clone().unwrap_or_default() },
                        new_key: new_id.clone(),
                        base,
                        text: now.unwrap_or_default(),
                        ttl_ms: HOUR,
                        conflict: Conflict::Merge,
                        adopt: false,
                        empty: Empty::Removed,
                        grace_ms: 0,
                        follow: false,
                    };
                    // A request that changes nothing commits nothing.
                    let nothing = commit.plan == Plan::Nothing;
                    let outcome = if nothing { Outcome::Saved(None) } else { store.commit(&commit).unwrap() };
                    let expected = expected(&mut model, &client, &new_id);
                    prop_assert!(alike(&outcome, &expected), "{:?}: {:?}, expected {:?}", client, outcome, expected);
                    ids.push(new_id);
                }
            }
            for id in &ids {
                prop_assert_eq!(store.load(id).as_deref().map(parsed), model.get(id).cloned());
            }
            prop_assert_eq!(store.len(), model.len());
        }
    }
}
