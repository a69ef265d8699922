//! What changed between two JSON texts, and the three-way merge, as `JSON.parse` sees the texts.
//!
//! Pure: knows no store. Nothing here recurses, so no nesting overflows a stack. A text that the JSON grammar
//! (RFC 8259) refuses is one opaque value.

use hashbrown::HashMap;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Object,
    Array,
    String,
    Number,
    Literal,
}

/// One value of a document, or one key of an object.
#[derive(Clone, Copy)]
struct Node {
    kind: Kind,
    start: usize,
    end: usize,
    /// The index of the first node behind this one and everything in it.
    after: usize,
}

/// A parsed text: its nodes in the order they are written; an object's keys and values alternate.
struct Document<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

/// A value inside a document.
#[derive(Clone, Copy)]
struct Value<'d, 'a> {
    document: &'d Document<'a>,
    index: usize,
}

/// A key or string as JavaScript compares it: unescaped, lone surrogates in three bytes each.
type Unescaped<'a> = Cow<'a, [u8]>;

/// Are both texts the same value to `JSON.parse`? Key order, spacing, escapes and the spelling of numbers do not count.
pub fn same(a: &str, b: &str) -> bool {
    a == b || matches!((Document::parse(a), Document::parse(b)), (Some(a), Some(b)) if a.root().same(b.root()))
}

/// Has the value nothing in it: `{}`, `[]`, or no object or array at all?
pub fn is_empty(text: &str) -> bool {
    if text.starts_with("{\"") {
        return false; // something is in it, or it is no JSON: no need to read on
    }
    match Document::parse(text) {
        Some(document) => match document.nodes[0].kind {
            Kind::Object | Kind::Array => document.nodes.len() == 1,
            _ => true,
        },
        None => false,
    }
}

/// Applies what changed from `base` to `ours` onto `theirs`, key by key.
///
/// Removals included; recursing where ours and theirs are objects and base is an object or absent; any other value is
/// whole, and ours wins where it changed. What did not change is carried from `theirs` byte for byte. A text that
/// the grammar refuses makes all three whole values.
pub fn merge<'a>(base: &str, ours: &'a str, theirs: &'a str) -> Cow<'a, str> {
    if base == ours {
        return Cow::Borrowed(theirs);
    }
    if base == theirs {
        return Cow::Borrowed(ours);
    }
    let documents = (Document::parse(base), Document::parse(ours), Document::parse(theirs));
    let (Some(base), Some(ours_document), Some(theirs_document)) = &documents else {
        return Cow::Borrowed(ours);
    };
    let (base, ours_root, theirs_root) = (base.root(), ours_document.root(), theirs_document.root());
    if base.same(ours_root) {
        Cow::Borrowed(theirs)
    } else if [base, ours_root, theirs_root].iter().all(|root| root.kind() == Kind::Object) {
        Cow::Owned(merge_objects(base, ours_root, theirs_root))
    } else {
        Cow::Borrowed(ours)
    }
}

/// The members of the object `ours` whose keys `base` lacks, as an object's text; `None` if there are none.
pub fn additions(base: &str, ours: &str) -> Option<String> {
    let (base, ours) = (Document::parse(base)?, Document::parse(ours)?);
    if base.nodes[0].kind != Kind::Object || ours.nodes[0].kind != Kind::Object {
        return None;
    }
    let known = base.root().members();
    let mut text = String::from("{");
    for (name, member) in &ours.root().members().list {
        if known.get(name).is_none() {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(member.key_text());
            text.push(':');
            text.push_str(member.text());
        }
    }
    text.push('}');
    (text.len() > 2).then_some(text)
}

impl<'a> Document<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        // serde_json keeps the grammar without recursing; the scan below may then trust every byte.
        serde_json::from_str::<&RawValue>(text).ok()?;
        let bytes = text.as_bytes();
        let mut nodes: Vec<Node> = Vec::with_capacity(text.len() / 8 + 1);
        let mut open = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            let kind = match bytes[at] {
                b'{' => Kind::Object,
                b'[' => Kind::Array,
                b'}' | b']' => {
                    at += 1;
                    let container: usize = open.pop()?;
                    nodes[container].end = at;
                    nodes[container].after = nodes.len();
                    continue;
                }
                b'"' => Kind::String,
                b'-' | b'0'..=b'9' => Kind::Number,
                b't' | b'f' | b'n' => Kind::Literal,
                _ => {
                    at += 1; // space, comma, colon
                    continue;
                }
            };
            at += 1;
            match kind {
                Kind::Object | Kind::Array => open.push(nodes.len()),
                Kind::String => {
                    while bytes[at] != b'"' {
                        at += if bytes[at] == b'\\' { 2 } else { 1 };
                    }
                    at += 1;
                }
                Kind::Number | Kind::Literal => {
                    while at < bytes.len() && matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'E' | b'+' | b'-' | b'.')
                    {
                        at += 1;
                    }
                }
            }
            nodes.push(Node { kind, start, end: at, after: nodes.len() + 1 });
        }
        Some(Self { text, nodes })
    }

    fn root(&self) -> Value<'_, 'a> {
        Value { document: self, index: 0 }
    }
}

impl<'d, 'a> Value<'d, 'a> {
    fn node(self) -> Node {
        self.document.nodes[self.index]
    }

    fn kind(self) -> Kind {
        self.node().kind
    }

    fn text(self) -> &'a str {
        &self.document.text[self.node().start..self.node().end]
    }

    /// The text of this member's key, quotes included.
    fn key_text(self) -> &'a str {
        Value { index: self.index - 1, ..self }.text()
    }

    fn at(self, index: usize) -> Self {
        Value { index, ..self }
    }

    /// The values directly inside an array; keys and values in turn for an object.
    fn children(self) -> impl Iterator<Item = Self> {
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            let child = (next < self.node().after).then_some(self.at(next))?;
            next = child.node().after;
            Some(child)
        })
    }

    fn members(self) -> Members<'d, 'a> {
        let mut members = Members { list: Vec::new(), index: None };
        let mut children = self.children();
        while let (Some(key), Some(value)) = (children.next(), children.next()) {
            members.insert(unescape(key.text()), value);
        }
        members
    }

    fn same(self, other: Self) -> bool {
        let mut pairs = vec![(self, other, 0)];
        while let Some((a, b, depth)) = pairs.pop() {
            if alike(a, b, depth) {
                continue;
            }
            if a.kind() != b.kind() {
                return false;
            }
            match a.kind() {
                Kind::Literal => return false,
                // -0 and 0 are one number: JSON.stringify writes both as 0.
                Kind::Number => {
                    if a.text().parse::<f64>().ok() != b.text().parse::<f64>().ok() {
                        return false;
                    }
                }
                Kind::String => {
                    if unescape(a.text()) != unescape(b.text()) {
                        return false;
                    }
                }
                Kind::Array => {
                    if a.children().count() != b.children().count() {
                        return false;
                    }
                    pairs.extend(a.children().zip(b.children()).map(|(a, b)| (a, b, depth + 1)));
                }
                Kind::Object => {
                    let (ours, theirs) = (a.members(), b.members());
                    if ours.list.len() != theirs.list.len() {
                        return false;
                    }
                    for (name, value) in &ours.list {
                        match theirs.get(name) {
                            Some(other) => pairs.push((*value, other, depth + 1)),
                            None => return false,
                        }
                    }
                }
            }
        }
        true
    }
}

/// Are the two the same to the letter? Objects and arrays far inside are not compared so: what differs at the bottom
/// would be read again at every level above it.
fn alike(a: Value, b: Value, depth: u32) -> bool {
    (depth < 16 || !matches!(a.kind(), Kind::Object | Kind::Array)) && a.text() == b.text()
}

/// An object's members: of duplicate keys the last value counts, as for `JSON.parse`.
struct Members<'d, 'a> {
    list: Vec<(Unescaped<'a>, Value<'d, 'a>)>,
    /// Made when a linear search would cost more.
    index: Option<HashMap<Unescaped<'a>, usize, foldhash::fast::RandomState>>,
}

const LINEAR_SEARCH: usize = 16;

impl<'d, 'a> Members<'d, 'a> {
    fn find(&self, name: &[u8]) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.list.iter().position(|(known, _)| **known == *name),
        }
    }

    fn get(&self, name: &[u8]) -> Option<Value<'d, 'a>> {
        self.find(name).map(|place| self.list[place].1)
    }

    fn insert(&mut self, name: Unescaped<'a>, value: Value<'d, 'a>) {
        if let Some(place) = self.find(&name) {
            self.list[place].1 = value;
            return;
        }
        if let Some(index) = &mut self.index {
            index.insert(name.clone(), self.list.len());
        }
        self.list.push((name, value));
        if self.index.is_none() && self.list.len() > LINEAR_SEARCH {
            let places = self.list.iter().enumerate();
            self.index = Some(places.map(|(place, (name, _))| (name.clone(), place)).collect());
        }
    }
}

/// What is still to be done of a merge, last first.
enum Pending<'d, 'a> {
    Text(&'a str),
    Merge {
        base: Option<Value<'d, 'a>>,
        ours: Value<'d, 'a>,
        theirs: Value<'d, 'a>,
        depth: u32,
    },
    /// The object that was begun at this place of the text is complete.
    Close {
        begun: usize,
        theirs: Value<'d, 'a>,
    },
}

/// One pass over the documents: whether an object has changed is known when it is complete, so that no value is
/// compared again at every level above it.
fn merge_objects<'d, 'a>(base: Value<'d, 'a>, ours: Value<'d, 'a>, theirs: Value<'d, 'a>) -> String {
    let mut text = String::with_capacity(ours.text().len() + theirs.text().len());
    let mut pending = vec![Pending::Merge { base: Some(base), ours, theirs, depth: 0 }];
    // Has the object that is open at that depth changed?
    let mut changed = Vec::new();
    while let Some(next) = pending.pop() {
        match next {
            Pending::Text(piece) => text.push_str(piece),
            Pending::Merge { base, ours, theirs, depth } => {
                let begun = text.len();
                let (members, any_changed) = merge_members(base, ours, theirs, depth);
                changed.push(any_changed);
                let mut pieces = vec![Pending::Text("{")];
                for (key, value) in members {
                    if pieces.len() > 1 {
                        pieces.push(Pending::Text(","));
                    }
                    pieces.extend([Pending::Text(key), Pending::Text(":"), value]);
                }
                pieces.extend([Pending::Text("}"), Pending::Close { begun, theirs }]);
                pending.extend(pieces.into_iter().rev());
            }
            Pending::Close { begun, theirs } => {
                let any_changed = changed.pop().unwrap_or(true);
                match changed.last_mut() {
                    _ if !any_changed => {
                        text.truncate(begun);
                        text.push_str(theirs.text());
                    }
                    Some(outer) => *outer = true,
                    None => {}
                }
            }
        }
    }
    text
}

/// The members of one merged object, theirs in their order and then what we added in ours; and whether we changed any
/// that is not itself still to be merged.
fn merge_members<'d, 'a>(
    base: Option<Value<'d, 'a>>,
    ours: Value<'d, 'a>,
    theirs: Value<'d, 'a>,
    depth: u32,
) -> (Vec<(&'a str, Pending<'d, 'a>)>, bool) {
    let mut changed = base.is_none();
    let base = base.map(Value::members);
    let in_base = |name: &[u8]| base.as_ref().and_then(|members| members.get(name));
    let (ours, theirs) = (ours.members(), theirs.members());
    let mut merged = Vec::new();
    for (name, their) in &theirs.list {
        let (was, our) = (in_base(name), ours.get(name));
        let value = match (was, our) {
            (None, None) => Pending::Text(their.text()),
            (Some(was), Some(our)) if alike(was, our, depth) => Pending::Text(their.text()),
            (_, Some(our)) if [Some(our), Some(*their), was].iter().flatten().all(|v| v.kind() == Kind::Object) => {
                Pending::Merge { base: was, ours: our, theirs: *their, depth: depth + 1 }
            }
            (Some(was), Some(our)) if was.same(our) => Pending::Text(their.text()),
            _ => {
                changed = true;
                match our {
                    Some(our) => Pending::Text(our.text()),
                    None => continue, // we removed it
                }
            }
        };
        merged.push((their.key_text(), value));
    }
    for (name, our) in &ours.list {
        // What base has and we left alone, they removed.
        if theirs.get(name).is_none() && !in_base(name).is_some_and(|was| was.same(*our)) {
            changed = true;
            merged.push((our.key_text(), Pending::Text(our.text())));
        }
    }
    (merged, changed)
}

/// The string behind a JSON string's text (quotes included).
fn unescape(quoted: &str) -> Unescaped<'_> {
    let inner = &quoted.as_bytes()[1..quoted.len() - 1];
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut at = 0;
    while at < inner.len() {
        if inner[at] != b'\\' {
            bytes.push(inner[at]);
            at += 1;
            continue;
        }
        at += 2;
        match inner[at - 1] {
            b'u' => {
                let mut unit = hex4(&inner[at..]);
                at += 4;
                let low = inner.get(at..at + 6).filter(|next| next.starts_with(b"\\u")).map(|next| hex4(&next[2..]));
                if let (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) = (unit, low) {
                    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                    at += 6;
                }
                push_code_point(&mut bytes, unit);
            }
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            itself => bytes.push(itself),
        }
    }
    Cow::Owned(bytes)
}

fn hex4(digits: &[u8]) -> u32 {
    digits[..4].iter().fold(0, |unit, digit| unit * 16 + char::from(*digit).to_digit(16).unwrap_or(0))
}

fn push_code_point(bytes: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        // A lone surrogate, in the three bytes that UTF-8 would have for it (WTF-8, section 4).
        None => bytes.extend([0xE0 | (code >> 12) as u8, 0x80 | (code >> 6 & 63) as u8, 0x80 | (code & 63) as u8]),
    }
}

#[cfg(test)]
pub mod tests;
