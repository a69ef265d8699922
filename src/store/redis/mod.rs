//! The Redis store: records as koa-session-minimal with koa-redis writes them (same key, same JSON), TTL in
//! milliseconds; commits by compare and swap on the server.

mod address;
mod batch;
mod cluster;
mod commit;
mod connect;
mod in_time;
mod link;
mod pool;
mod tls;
mod turns;
mod wire;

use super::{Commit, Found, Outcome, fits, pointer_key};
use crate::driver::{self, Driver};
use crate::error::Error;
use address::Topology;
pub use address::{Invalid, Options, SentinelOptions};
use batch::{Batch, Waiter};
use cluster::Cluster;
use connect::{Target, sentinel_patience};
pub use link::Event;
use link::{Link, OnEvent, Timeouts};
pub use pool::POOL;
use redis::{Cmd, Value};
use std::borrow::Cow;
use std::sync::Arc;
pub use tls::Options as TlsOptions;
use tokio::spawn;
use turns::Turns;

/// The one I/O thread of the process.
pub static DRIVER: Driver<Job> = Driver::new();

/// A store on Redis or Valkey, reached through the driver only.
pub struct RedisStore {
    servers: Servers,
    /// Commits of one key wait for each other: a process never races itself.
    turns: Arc<Turns>,
}

/// One submission to a store.
pub struct Job {
    pub store: Arc<RedisStore>,
    pub request: Request,
    pub ticket: Ticket,
}

pub type Ticket = driver::Ticket<Answer>;
pub type Port = driver::Port<Answer>;

/// What a store is asked.
#[derive(Debug)]
pub enum Request {
    /// The text under a key.
    Load(String),
    /// The record under a key, or where a pointer leads from there, and what is left of its time.
    Find(String),
    /// Write a text, whatever is there, with a time to live in milliseconds.
    Set(String, String, u64),
    /// Remove a key.
    Destroy(String),
    /// Carry out the end of a request.
    Commit(Commit),
    /// Is the server there?
    Ping,
    /// Let go of the connection; later requests fail.
    Close,
}

/// What a store answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Text(Option<String>),
    Found(Option<Found>),
    Outcome(Outcome),
    Done,
    /// Nobody asked: something has happened to the connection.
    Event(Event),
}

impl RedisStore {
    /// A store that connects when it is first used. `on_event` is called on the I/O thread.
    ///
    /// # Errors
    /// [`Invalid`] names an option that could never work.
    pub fn new(options: &Options, on_event: impl Fn(Event) + Send + Sync + 'static) -> Result<Arc<Self>, Invalid> {
        let timeouts = Timeouts { connect_ms: options.connect_timeout_ms, command_ms: options.command_timeout_ms };
        let servers = Servers::new(Topology::new(options)?, timeouts, Arc::new(on_event));
        Ok(Arc::new(Self { servers, turns: Arc::default() }))
    }

    /// Lets go of the connections; later requests fail.
    pub fn close(&self) {
        self.servers.close();
    }
}

/// One server (or the one that sentinels name), or a cluster of them.
enum Servers {
    One(Arc<Batch>),
    Cluster(Arc<Cluster>),
}

impl Servers {
    fn new(topology: Topology, timeouts: Timeouts, on_event: OnEvent) -> Self {
        let (target, place) = match topology {
            Topology::Cluster(seeds) => return Self::Cluster(Cluster::new(seeds, timeouts, on_event)),
            Topology::Sentinel { sentinels, name, master } => {
                let place = master.place.clone();
                (Target::Master { sentinels, name, master, patience: sentinel_patience(timeouts.connect_ms) }, place)
            }
            Topology::Standalone(server) => (Target::Server(server.clone()), server.place),
        };
        Self::One(Batch::new(Link::new(target, timeouts, on_event), place))
    }

    /// Sends a command that completes a submission with its reply.
    fn send(&self, key: String, command: Cmd, ticket: Ticket, read: fn(Value) -> Answer) {
        match self {
            Self::One(batch) => batch.send(command, Waiter::Ticket(ticket, read)),
            Self::Cluster(cluster) => {
                let cluster = cluster.clone();
                spawn(async move { ticket.complete(cluster.ask(&key, command).await.map(read)) });
            }
        }
    }

    async fn ask(&self, key: &str, command: Cmd) -> Result<Value, Error> {
        match self {
            Self::One(batch) => batch.ask(command).await,
            Self::Cluster(cluster) => cluster.ask(key, command).await,
        }
    }

    async fn ping(&self) -> Result<Value, Error> {
        match self {
            Self::One(batch) => batch.ask(redis::cmd("PING")).await,
            Self::Cluster(cluster) => cluster.ping().await,
        }
    }

    fn has_ifeq(&self, key: &str) -> bool {
        match self {
            Self::One(batch) => batch.link.has_ifeq(),
            Self::Cluster(cluster) => cluster.has_ifeq(key),
        }
    }

    fn close(&self) {
        match self {
            Self::One(batch) => batch.link.close(),
            Self::Cluster(cluster) => cluster.close(),
        }
    }
}

impl driver::Job for Job {
    fn start(self) {
        let Self { store, request, ticket } = self;
        let (key, command, read): (String, Cmd, fn(Value) -> Answer) = match request {
            Request::Load(key) => {
                let command = get(&key);
                (key, command, |value| Answer::Text(bytes(value).map(text_of)))
            }
            Request::Set(key, text, ttl_ms) => {
                let command = match set(&key, &text, ttl_ms) {
                    Ok(command) => command,
                    Err(error) => return ticket.complete(Err(error)),
                };
                POOL.give(text);
                (key, command, |_| Answer::Done)
            }
            Request::Destroy(key) => {
                let command = del(&key);
                (key, command, |_| Answer::Done)
            }
            Request::Ping => {
                spawn(async move { ticket.complete(store.servers.ping().await.map(|_| Answer::Done)) });
                return;
            }
            Request::Find(key) => {
                spawn(async move { ticket.complete(store.find(&key).await.map(Answer::Found)) });
                return;
            }
            Request::Commit(commit) => {
                spawn(async move {
                    let _turn = store.turns.take(&commit.key).await;
                    ticket.complete(store.commit(&commit).await.map(Answer::Outcome));
                    commit.base.into_iter().chain([commit.text]).for_each(|text| POOL.give(text));
                });
                return;
            }
            Request::Close => {
                store.close();
                return ticket.complete(Ok(Answer::Done));
            }
        };
        store.servers.send(key, command, ticket, read);
    }

    fn refuse(self, error: Error) {
        self.ticket.complete(Err(error));
    }
}

impl RedisStore {
    async fn find(&self, key: &str) -> Result<Option<Found>, Error> {
        let pointer = pointer_key(key);
        let (here, there) = tokio::join!(self.get_with_ttl(key), self.ask(&pointer, get(&pointer))); // one pipeline
        if let Some((text, ttl_ms)) = here? {
            return Ok(Some(Found { text, ttl_ms, key: None }));
        }
        let Some(target) = bytes(there?).map(text_of) else { return Ok(None) };
        let found = self.get_with_ttl(&target).await?;
        Ok(found.map(|(text, ttl_ms)| Found { text, ttl_ms, key: Some(target) }))
    }

    async fn get_with_ttl(&self, key: &str) -> Result<Option<(String, i64)>, Error> {
        let (text, ttl) = tokio::join!(self.ask(key, get(key)), self.ask(key, redis::cmd("PTTL").arg(key).take()));
        let ttl_ms = match ttl? {
            Value::Int(ttl_ms) => ttl_ms,
            _ => -1,
        };
        Ok(bytes(text?).map(|text| (text_of(text), ttl_ms)))
    }

    async fn ask(&self, key: &str, command: Cmd) -> Result<Value, Error> {
        self.servers.ask(key, command).await
    }
}

fn get(key: &str) -> Cmd {
    command("GET", &[key.as_bytes()])
}

fn set(key: &str, text: &str, ttl_ms: u64) -> Result<Cmd, Error> {
    fits(text)?;
    Ok(command("SET", &[key.as_bytes(), text.as_bytes(), b"PX", ttl_ms.to_string().as_bytes()]))
}

fn del(key: &str) -> Cmd {
    command("DEL", &[key.as_bytes()])
}

/// Made with room for all of it, since a command grows with each argument otherwise: allocating was a quarter of what the
/// I/O thread did.
fn command(name: &str, arguments: &[&[u8]]) -> Cmd {
    let length = name.len() + arguments.iter().map(|argument| argument.len()).sum::<usize>();
    let mut command = Cmd::with_capacity(1 + arguments.len(), length);
    command.arg(name);
    for argument in arguments {
        command.arg(*argument);
    }
    command
}

/// The bytes of a stored value; `None` for none.
fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| lossy(error.as_bytes()).into_owned())
}

/// What JavaScript sees of stored bytes: what is not UTF-8 becomes U+FFFD.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests;
