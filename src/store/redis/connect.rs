//! The connection: made when it is first needed, watched, and made again when it fails.
//!
//! redis-rs' MultiplexedConnection never reconnects, and its ConnectionManager waits for seconds by default and is
//! poisoned by one failed login; so the supervision is ours. While the server is down, commands fail at once.

use crate::error::Error;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, Pipeline, ProtocolVersion, PushKind, Value,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::spawn;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Where the server is, and how long it is waited for.
#[derive(Debug, Clone)]
pub struct Options {
    /// `redis://[user][:password@]host[:port][/database]` or `unix://path`.
    pub url: String,
    pub connect_timeout_ms: u64,
    /// From the sending of a command to its reply.
    pub command_timeout_ms: u64,
}

/// The supervised connection to one server.
pub struct Link {
    info: ConnectionInfo,
    connect_timeout_ms: u64,
    command_timeout_ms: u64,
    state: Mutex<State>,
    changed: Notify,
}

enum State {
    /// Not needed so far.
    Idle,
    /// The first connection is being made: commands wait for it.
    Connecting,
    Up(Connection),
    /// It failed, and is being made again in the background.
    Down(Error),
    Closed,
}

#[derive(Clone)]
struct Connection {
    commands: MultiplexedConnection,
    /// Tells a connection from those before it, so that a late failure does not end its successor.
    generation: u64,
    /// Does the server know `SET ... IFEQ`?
    ifeq: bool,
}

const FIRST_BACKOFF: Duration = Duration::from_millis(20);
const MAX_BACKOFF: Duration = Duration::from_millis(400);

impl Link {
    pub fn new(options: Options) -> Result<Arc<Self>, Error> {
        // redis-rs' own messages do not repeat the address, so no password gets into ours.
        let info = options.url.as_str().into_connection_info().map_err(|error| Error::Refused(error.to_string()))?;
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let Options { connect_timeout_ms, command_timeout_ms, .. } = options;
        let state = Mutex::new(State::Idle);
        Ok(Arc::new(Self { info, connect_timeout_ms, command_timeout_ms, state, changed: Notify::new() }))
    }

    /// Sends a pipeline of `count` commands; error replies come back as values.
    pub async fn run(self: &Arc<Self>, pipeline: &Pipeline, count: usize) -> Result<Vec<Value>, Error> {
        let mut connection = self.connection().await?;
        let replies = connection.commands.send_packed_commands(pipeline, 0, count);
        match timeout(Duration::from_millis(self.command_timeout_ms), replies).await {
            Ok(Ok(replies)) if replies.len() == count => Ok(replies),
            Ok(Ok(_)) => Err(self.fail(connection.generation, Error::Unreachable("an incomplete reply".into()))),
            Ok(Err(error)) => Err(self.fail(connection.generation, Error::Unreachable(error.to_string()))),
            Err(_) => Err(self.fail(connection.generation, Error::TimedOut(self.command_timeout_ms))),
        }
    }

    /// Does the connected server know `SET ... IFEQ`?
    pub fn has_ifeq(&self) -> bool {
        matches!(&*self.lock(), State::Up(Connection { ifeq: true, .. }))
    }

    /// Lets the connection go, for good.
    pub fn close(&self) {
        *self.lock() = State::Closed;
        self.changed.notify_waiters();
    }

    /// The connection, once there is one.
    async fn connection(self: &Arc<Self>) -> Result<Connection, Error> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.lock();
                match &*state {
                    State::Up(connection) => return Ok(connection.clone()),
                    State::Down(error) => return Err(error.clone()),
                    State::Closed => return Err(Error::Closed),
                    State::Connecting => {}
                    State::Idle => {
                        *state = State::Connecting;
                        spawn(self.clone().supervise(0));
                    }
                }
            }
            changed.await;
        }
    }

    /// Notes that the connection of that generation has failed, and has it made again.
    fn fail(self: &Arc<Self>, generation: u64, error: Error) -> Error {
        let mut state = self.lock();
        if matches!(&*state, State::Up(connection) if connection.generation == generation) {
            *state = State::Down(error.clone());
            spawn(self.clone().supervise(generation));
        }
        error
    }

    /// Makes a connection, for as long as it takes.
    async fn supervise(self: Arc<Self>, failed: u64) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let attempt = timeout(Duration::from_millis(self.connect_timeout_ms), self.connect(failed + 1)).await;
            let next = match attempt {
                Ok(Ok(connection)) => State::Up(connection),
                Ok(Err(error)) => State::Down(Error::Unreachable(error.to_string())),
                Err(_) => State::Down(Error::TimedOut(self.connect_timeout_ms)),
            };
            let up = matches!(next, State::Up(_));
            {
                let mut state = self.lock();
                if matches!(&*state, State::Closed) {
                    return;
                }
                *state = next;
            }
            self.changed.notify_waiters();
            if up {
                return;
            }
            sleep(backoff.mul_f64(rand::random_range(0.5..1.0))).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    async fn connect(self: &Arc<Self>, generation: u64) -> redis::RedisResult<Connection> {
        // RESP3 tells at once when an idle connection is cut; servers before Redis 6 do not know it.
        match self.connect_with(generation, ProtocolVersion::RESP3).await {
            Err(error) if !error.is_io_error() && error.kind() != redis::ErrorKind::AuthenticationFailed => {
                self.connect_with(generation, ProtocolVersion::RESP2).await
            }
            connected => connected,
        }
    }

    async fn connect_with(
        self: &Arc<Self>,
        generation: u64,
        protocol: ProtocolVersion,
    ) -> redis::RedisResult<Connection> {
        let settings = self.info.redis_settings().clone().set_protocol(protocol);
        let client = Client::open(self.info.clone().set_redis_settings(settings))?;
        // Deadlines are ours: they count from the sending and cover the whole batch.
        let mut config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        if protocol == ProtocolVersion::RESP3 {
            let link = Arc::downgrade(self);
            config = config.set_push_sender(move |push: redis::PushInfo| {
                if let (PushKind::Disconnection, Some(link)) = (push.kind, link.upgrade()) {
                    link.fail(generation, Error::Unreachable("the server closed the connection".into()));
                }
                Ok::<(), redis::aio::SendError>(())
            });
        }
        let mut commands = client.get_multiplexed_async_connection_with_config(&config).await?;
        redis::cmd("PING").query_async::<Value>(&mut commands).await?;
        let about = redis::cmd("INFO").arg("server").query_async::<String>(&mut commands).await;
        let ifeq = about.is_ok_and(|about| knows_ifeq(&about));
        Ok(Connection { commands, generation, ifeq })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `SET ... IFEQ` came with Valkey 8.1 and Redis 8.4; `about` is the reply to `INFO server`.
fn knows_ifeq(about: &str) -> bool {
    let version = |field: &str| {
        let line = about.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        let mut numbers = line.split('.').map(|number| number.parse::<u32>().ok());
        Some((numbers.next()??, numbers.next()??))
    };
    match version("valkey_version") {
        Some(valkey) => valkey >= (8, 1),
        None => version("redis_version").is_some_and(|redis| redis >= (8, 4)),
    }
}

#[cfg(test)]
mod tests {
    use super::knows_ifeq;

    #[test]
    fn ifeq_is_known_from_valkey_8_1_and_redis_8_4() {
        assert!(!knows_ifeq("# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.0.9\r\n"));
        assert!(knows_ifeq("# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.1.0\r\n"));
        assert!(knows_ifeq("valkey_version:10.0.0\r\n"));
        assert!(!knows_ifeq("redis_version:7.0.15\r\n") && !knows_ifeq("redis_version:8.3.9\r\n"));
        assert!(knows_ifeq("redis_version:8.4.0\r\n"));
        assert!(!knows_ifeq("") && !knows_ifeq("redis_version:unstable"));
    }
}
