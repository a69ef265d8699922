//! Tables of what counts as a change, and the laws of the merge as properties against a reference on parsed values.

use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value as Json};

#[test]
fn what_json_parse_cannot_tell_apart_is_the_same() {
    #[rustfmt::skip]
    let table = [
        (r#"{"a":1,"b":2}"#, r#"{ "b" : 2, "a" : 1 }"#),
        (r#"{"a":1}"#, r#"{"a":1.0}"#),
        (r#"{"a":100}"#, r#"{"a":1e2}"#),
        (r#"{"a":0}"#, r#"{"a":-0}"#),
        (r#"{"a":9007199254740993}"#, r#"{"a":9007199254740992}"#), // one double
        (r#"{"a":"é"}"#, r#"{"a":"\u00e9"}"#),
        (r#"{"é":1}"#, r#"{"\u00E9":1}"#),
        (r#"{"a":"😀"}"#, r#"{"a":"\ud83d\ude00"}"#),
        (r#"{"a":"\ud83d"}"#, r#"{"a":"\uD83D"}"#),
        (r#"{"a":"\/\b\f\n\r\t\"\\"}"#, r#"{"a":"/\u0008\u000c\u000a\u000d\u0009\u0022\u005c"}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"a":1e400}"#, r#"{"a":2e400}"#), // Infinity, both
        ("[]", " [ ] "),
    ];
    for (a, b) in table {
        assert!(same(a, b) && same(b, a), "{a} {b}");
    }
}

#[test]
fn what_json_parse_tells_apart_is_not_the_same() {
    #[rustfmt::skip]
    let table = [
        (r#"{"a":1}"#, r#"{"a":"1"}"#),
        (r#"{"a":1}"#, r#"{"a":1,"b":null}"#),
        (r#"{"a":null}"#, r#"{"b":null}"#),
        (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
        (r#"{"a":[1]}"#, r#"{"a":[1,1]}"#),
        (r#"{"a":{}}"#, r#"{"a":[]}"#),
        (r#"{"a":true}"#, r#"{"a":false}"#),
        (r#"{"a":"\ud83d"}"#, r#"{"a":"\ud83e"}"#), // lone surrogates
        (r#"{"a":"\ud83d"}"#, r#"{"a":"\ufffd"}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":1}"#),
        (r#"{"a":0.1}"#, r#"{"a":0.10000000000000002}"#),
        ("{}", "not json"),
    ];
    for (a, b) in table {
        assert!(!same(a, b) && !same(b, a), "{a} {b}");
    }
}

#[test]
fn merging_keeps_both_sides_changes() {
    #[rustfmt::skip]
    let table = [
        // base, ours, theirs -> merged
        (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, r#"{"a":1,"c":3}"#, r#"{"a":1,"c":3,"b":2}"#),
        (r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#, r#"{"a":2}"#), // the later commit wins
        (r#"{"a":1,"b":2}"#, r#"{"b":2}"#, r#"{"a":5,"b":2}"#, r#"{"b":2}"#), // removed stays removed
        (r#"{"a":1,"b":2}"#, r#"{"a":1,"b":3}"#, r#"{"b":2}"#, r#"{"b":3}"#), // they removed what we left alone
        (r#"{"a":1}"#, r#"{"a":2}"#, r#"{"b":1}"#, r#"{"b":1,"a":2}"#), // they removed what we changed
        (r#"{"o":{"a":1}}"#, r#"{"o":{"a":1,"b":2}}"#, r#"{"o":{"a":1,"c":3}}"#, r#"{"o":{"a":1,"c":3,"b":2}}"#),
        (r#"{}"#, r#"{"o":{"b":2}}"#, r#"{"o":{"c":3}}"#, r#"{"o":{"c":3,"b":2}}"#), // base absent
        (r#"{"o":1}"#, r#"{"o":{"b":2}}"#, r#"{"o":{"c":3}}"#, r#"{"o":{"b":2}}"#), // base no object
        (r#"{"l":[1]}"#, r#"{"l":[1,2]}"#, r#"{"l":[1,3]}"#, r#"{"l":[1,2]}"#), // a list is one value
        // what we left alone inside is theirs byte for byte
        (r#"{"o":{"a":1},"x":1}"#, r#"{"o":{"a":1.0},"x":2}"#, r#"{"o":{ "a" : 1, "z":12345678901234567890},"x":1}"#,
            r#"{"o":{ "a" : 1, "z":12345678901234567890},"x":2}"#),
        (r#"[1]"#, r#"[1,2]"#, r#"[1,3]"#, r#"[1,2]"#),
        (r#"{"a":1}"#, "{}", r#"{"a":1}"#, "{}"),
        (r#"{"a":1}"#, "{}", r#"{"a":1,"b":2}"#, r#"{"b":2}"#),
        (r#"{"\u0061":1}"#, r#"{"b":1}"#, r#"{"a":1,"n":12345678901234567890, "x" : 1e2}"#, r#"{"n":12345678901234567890,"x":1e2,"b":1}"#),
    ];
    for (base, ours, theirs, merged) in table {
        assert_eq!(merge(base, ours, theirs), merged, "{base} {ours} {theirs}");
    }
}

#[test]
fn a_document_that_the_parser_refuses_is_one_whole_value() {
    assert_eq!(merge(r#"{"a":1}"#, r#"{"a":2}"#, "junk"), r#"{"a":2}"#);
    assert_eq!(merge("junk", r#"{"a":2}"#, r#"{"b":1}"#), r#"{"a":2}"#);
    assert_eq!(merge("junk", "junk", r#"{"b":1}"#), r#"{"b":1}"#);
    assert!(!is_empty("junk") && !is_empty(r#"{"a":1}"#) && !is_empty("[0]"));
    assert!(is_empty("{ }") && is_empty("[]") && is_empty("null") && is_empty("7"));
}

#[test]
fn only_what_base_lacks_is_an_addition() {
    assert_eq!(additions(r#"{"a":1}"#, r#"{"a":2,"user":{"n":1},"b":[]}"#).unwrap(), r#"{"user":{"n":1},"b":[]}"#);
    assert_eq!(additions(r#"{"a":1}"#, r#"{"a":2}"#), None);
    assert_eq!(additions(r#"{"a":1}"#, "{}"), None);
    assert_eq!(additions("[1]", r#"{"a":2}"#), None);
}

#[test]
fn no_nesting_overflows_the_stack() {
    let nested = |depth: usize, inner: &str| format!("{}{inner}{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let arrays = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(same(&arrays(1_000_000), &(arrays(1_000_000) + " ")));
    let (base, ours) = (nested(5_000, r#"{"x":1}"#), nested(5_000, r#"{"x":1,"y":2}"#));
    let theirs = nested(5_000, r#"{"x":1,"z":3}"#);
    assert!(!same(&base, &ours));
    assert_eq!(merge(&base, &ours, &theirs), nested(5_000, r#"{"x":1,"z":3,"y":2}"#));
}

/// Few keys and values, so that changes meet.
fn json(depth: u32) -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-2i64..3).prop_map(Json::from),
        Just(Json::from(0.5)),
        prop_oneof!["[ab\"\\\\é\u{1}😀]{0,2}"].prop_map(Json::from),
    ];
    leaf.prop_recursive(depth, 24, 4, |inner| {
        prop_oneof![
            2 => object(inner.clone()),
            1 => prop::collection::vec(inner, 0..3).prop_map(Json::from),
        ]
    })
}

pub fn object(inner: impl Strategy<Value = Json>) -> impl Strategy<Value = Json> {
    prop::collection::vec(("[a-dé]", inner), 0..5).prop_map(|members| Json::Object(members.into_iter().collect()))
}

fn session() -> impl Strategy<Value = Json> {
    object(json(3))
}

/// The same merge, written on parsed values with recursion.
pub fn reference(base: Option<&Json>, ours: &Json, theirs: &Json) -> Json {
    let (Json::Object(our), Json::Object(their)) = (ours, theirs) else { return ours.clone() };
    let empty = Map::new();
    let was = match base {
        None => &empty,
        Some(Json::Object(was)) => was,
        Some(_) => return ours.clone(),
    };
    let mut merged = Map::new();
    for name in their.keys().chain(our.keys()) {
        let value = match (was.get(name), our.get(name), their.get(name)) {
            (Some(_), None, _) => None,
            (_, None, theirs) => theirs.cloned(),
            (Some(was), Some(our), theirs) if was == our => theirs.cloned(),
            (_, Some(our), None) => Some(our.clone()),
            (was, Some(our), Some(their)) => Some(reference(was, our, their)),
        };
        value.map(|value| merged.insert(name.clone(), value));
    }
    Json::Object(merged)
}

/// The same value, written with other spacing, key order and escapes.
fn respelled(value: &Json) -> String {
    match value {
        Json::String(text) => {
            let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            format!("\"{units}\"")
        }
        Json::Array(items) => format!("[ {} ]", items.iter().map(respelled).collect::<Vec<_>>().join(" , ")),
        Json::Object(members) => {
            let members = members.iter().rev();
            let members: Vec<_> = members
                .map(|(name, value)| format!("{} : {}", respelled(&Json::from(name.as_str())), respelled(value)))
                .collect();
            format!("{{ {} }}", members.join(" , "))
        }
        other => other.to_string(),
    }
}

fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn another_spelling_is_the_same_value(value in session()) {
        prop_assert!(same(&value.to_string(), &respelled(&value)));
    }

    #[test]
    fn same_agrees_with_parsed_values(a in session(), b in session()) {
        prop_assert_eq!(same(&a.to_string(), &respelled(&b)), a == b);
    }

    #[test]
    fn merge_agrees_with_the_reference(base in session(), ours in session(), theirs in session()) {
        let merged = merge(&base.to_string(), &respelled(&ours), &theirs.to_string()).into_owned();
        prop_assert_eq!(parsed(&merged), reference(Some(&base), &ours, &theirs));
    }

    #[test]
    fn no_change_keeps_theirs_byte_for_byte(base in session(), theirs in session()) {
        let theirs = respelled(&theirs);
        let ours = respelled(&base);
        prop_assert_eq!(merge(&base.to_string(), &ours, &theirs), theirs.as_str());
    }

    #[test]
    fn equal_changes_agree(base in session(), ours in session()) {
        let merged = merge(&base.to_string(), &ours.to_string(), &respelled(&ours)).into_owned();
        prop_assert_eq!(parsed(&merged), ours);
    }

    #[test]
    fn disjoint_changes_both_survive_in_either_order(base in session(), ours in json(2), theirs in json(2)) {
        let with = |name: &str, value: &Json| {
            let mut changed = base.clone();
            changed[name] = value.clone();
            changed.to_string()
        };
        let (base, our, their) = (base.to_string(), with("ours", &ours), with("theirs", &theirs));
        let one = parsed(&merge(&base, &our, &their));
        prop_assert_eq!(&one["ours"], &ours);
        prop_assert_eq!(&one["theirs"], &theirs);
        prop_assert_eq!(one, parsed(&merge(&base, &their, &our)));
    }

    #[test]
    fn a_removed_key_stays_removed(base in session(), theirs in session(), place in any::<prop::sample::Index>()) {
        let Json::Object(mut members) = base.clone() else { unreachable!() };
        prop_assume!(!members.is_empty());
        let name = members.keys().nth(place.index(members.len())).unwrap().clone();
        members.remove(&name);
        let merged = merge(&base.to_string(), &Json::Object(members).to_string(), &theirs.to_string()).into_owned();
        prop_assert!(parsed(&merged).get(&name).is_none());
    }

    #[test]
    fn any_text_at_all_merges_to_something(base in ".{0,40}", ours in ".{0,40}", theirs in ".{0,40}") {
        merge(&base, &ours, &theirs);
        is_empty(&ours);
        additions(&base, &ours);
    }
}
