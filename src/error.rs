//! What can go wrong in a store. No message holds a session id, session data or a password.

/// A store's failure; every one carries the stable code `ERR_SESSION_STORE` (status 503) towards JavaScript.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No connection, or it was lost while the command was under way (it may have been applied).
    #[error("the session store is unreachable: {0}")]
    Unreachable(String),
    /// No answer in time, in milliseconds; the command may have been applied.
    #[error("the session store did not answer within {0} ms")]
    TimedOut(u64),
    /// The server answered with an error.
    #[error("the session store refused the command: {0}")]
    Refused(String),
    /// The record would not fit even in an empty memory store.
    #[error("a session of {bytes} bytes is larger than the memory store's maxBytes ({max_bytes})")]
    TooLarge { bytes: usize, max_bytes: usize },
    /// A record's text is longer than any store reads or writes; how long it may be, in bytes.
    #[error("the session is too long to be read or written: more than {0} bytes")]
    TooLong(usize),
    /// Other writers changed the record on every one of our tries.
    #[error("the session was changed by other requests on each of {0} tries to commit it")]
    Contention(u32),
    /// The store was closed by the application.
    #[error("the session store is closed")]
    Closed,
}
