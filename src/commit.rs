//! The pure decision of a commit: what a request's end does to the record, and what a conflict resolves to.
//!
//! Pure: knows no store. The text that was loaded is the version ("base"): a store writes only where it still
//! holds base; otherwise it asks [`resolve`] and tries again.

use crate::change;
use std::borrow::Cow;

/// What the end of a request asks of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Plan {
    /// Nothing: no write, no cookie. Carried out, it tells whether the record is there still.
    Nothing = 0,
    /// Write a new record, under a key that is free.
    Create = 1,
    /// Write the loaded record again.
    Save = 2,
    /// Write the record under a new key, then remove the old one.
    Rotate = 3,
    /// Remove the record, whatever it holds now.
    Destroy = 4,
    /// Rotate a record whose time is running out, unless another request has already done so.
    Renew = 5,
}

/// What a request knows when it ends.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The text that was loaded; `None` if the cookie led to no session.
    pub base: Option<&'a str>,
    /// The session's text now; `None` if it was assigned nothing (`null`, `{}`, no object) or deleted.
    pub now: Option<&'a str>,
    /// Has the handler asked for a new id?
    pub regenerated: bool,
    /// Did the request bring an id at all?
    pub presented: bool,
}

/// Decides what a request's end does.
///
/// An id that was presented but led to no session is removed on regenerate, as koa-session-minimal does.
pub fn plan(request: Request) -> Plan {
    let Request { base, now, regenerated, presented } = request;
    let unpresented = |plan| if regenerated && presented { plan } else { Plan::Nothing };
    match (base, now) {
        (Some(_), None) => Plan::Destroy,
        (Some(_), Some(_)) if regenerated => Plan::Rotate,
        (Some(base), Some(now)) if change::same(base, now) => Plan::Nothing,
        (Some(_), Some(_)) => Plan::Save,
        (None, None) => unpresented(Plan::Destroy),
        (None, Some(now)) if change::is_empty(now) => unpresented(Plan::Destroy),
        (None, Some(_)) if regenerated && presented => Plan::Rotate,
        (None, Some(_)) => Plan::Create,
    }
}

/// What to do when the store holds something else than base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Conflict {
    /// Apply our changes onto what is there.
    Merge = 0,
    /// Write ours over it.
    Overwrite = 1,
    /// Write nothing and say so.
    Refuse = 2,
}

/// What a session with nothing in it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// No session: its record is removed.
    Removed,
    /// A session like any other.
    Kept,
}

/// What becomes of a record that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// Replace it by this text.
    Write(Cow<'a, str>),
    /// The merge is empty: remove it.
    Remove,
    /// It is no longer there, and must not come back.
    Gone,
    /// Somebody else has changed it, and the commit was to refuse that.
    Refused,
}

/// Resolves a commit of `base -> ours` against what the store holds now.
pub fn resolve<'a>(
    base: &str,
    ours: &'a str,
    theirs: Option<&'a str>,
    conflict: Conflict,
    empty: Empty,
) -> Resolution<'a> {
    let Some(theirs) = theirs else { return Resolution::Gone };
    let text = match conflict {
        _ if theirs == base => Cow::Borrowed(ours),
        Conflict::Refuse => return Resolution::Refused,
        Conflict::Overwrite => Cow::Borrowed(ours),
        // Our own text is there: a commit whose answer was lost, tried again.
        Conflict::Merge if theirs == ours => Cow::Borrowed(ours),
        Conflict::Merge => change::merge(base, ours, theirs),
    };
    if empty == Empty::Removed && change::is_empty(&text) { Resolution::Remove } else { Resolution::Write(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_of_every_way_a_request_can_end() {
        let (some, other, empty) = (Some(r#"{"a":1}"#), Some(r#"{"a":2}"#), Some("{}"));
        #[rustfmt::skip]
        let table = [
            // base, now, regenerated, presented -> plan
            (None,  None,  false, false, Plan::Nothing),
            (None,  empty, false, true,  Plan::Nothing),
            (None,  None,  true,  true,  Plan::Destroy),
            (None,  empty, true,  true,  Plan::Destroy),
            (None,  empty, true,  false, Plan::Nothing),
            (None,  some,  false, false, Plan::Create),
            (None,  some,  false, true,  Plan::Create),
            (None,  some,  true,  false, Plan::Create),
            (None,  some,  true,  true,  Plan::Rotate),
            (some,  some,  false, true,  Plan::Nothing),
            (some,  other, false, true,  Plan::Save),
            (some,  empty, false, true,  Plan::Save),
            (some,  some,  true,  true,  Plan::Rotate),
            (some,  None,  false, true,  Plan::Destroy),
            (some,  None,  true,  true,  Plan::Destroy),
            (empty, empty, false, true,  Plan::Nothing),
        ];
        for (base, now, regenerated, presented, expected) in table {
            let request = Request { base, now, regenerated, presented };
            assert_eq!(plan(request), expected, "{request:?}");
        }
    }

    #[test]
    fn key_order_is_no_change() {
        let request = Request {
            base: Some(r#"{"a":1,"b":2}"#),
            now: Some(r#"{"b":2,"a":1}"#),
            regenerated: false,
            presented: true,
        };
        assert_eq!(plan(request), Plan::Nothing);
    }

    #[test]
    fn a_conflict_resolves_as_it_was_asked_to() {
        let (base, ours, theirs) = (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, r#"{"a":1,"c":3}"#);
        let write = |text| Resolution::Write(Cow::Borrowed(text));
        assert_eq!(resolve(base, ours, Some(base), Conflict::Refuse, Empty::Removed), write(ours));
        assert_eq!(resolve(base, ours, Some(theirs), Conflict::Refuse, Empty::Removed), Resolution::Refused);
        assert_eq!(resolve(base, ours, Some(theirs), Conflict::Overwrite, Empty::Removed), write(ours));
        assert_eq!(resolve(base, ours, Some(theirs), Conflict::Merge, Empty::Removed), write(r#"{"a":1,"c":3,"b":2}"#));
        assert_eq!(resolve(base, ours, None, Conflict::Overwrite, Empty::Removed), Resolution::Gone);
    }

    #[test]
    fn an_emptied_session_goes_only_if_the_merge_is_empty() {
        assert_eq!(
            resolve(r#"{"a":1}"#, "{}", Some(r#"{"a":1}"#), Conflict::Merge, Empty::Removed),
            Resolution::Remove
        );
        assert_eq!(
            resolve(r#"{"a":1}"#, "{}", Some(r#"{"a":1,"b":2}"#), Conflict::Merge, Empty::Removed),
            Resolution::Write(Cow::Borrowed(r#"{"b":2}"#))
        );
    }

    #[test]
    fn two_updates_to_the_same_text_are_still_two_updates() {
        assert_eq!(
            resolve(r#"{"n":1}"#, r#"{"n":2}"#, Some(r#"{"n":2}"#), Conflict::Refuse, Empty::Removed),
            Resolution::Refused
        );
    }
}
