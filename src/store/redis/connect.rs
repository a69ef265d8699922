//! One connection: the stream (TCP, unix socket, TLS), the handshake, and finding the master that sentinels name.

use super::address::{Place, Server};
use redis::aio::{MultiplexedConnection, SendError};
use redis::{AsyncConnectionConfig, ErrorKind, ProtocolVersion, PushInfo, PushKind, RedisError, RedisResult, Value};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// An established connection; it ends when the last clone is dropped, whatever is still unanswered on it.
#[derive(Clone)]
pub struct Connection {
    pub commands: MultiplexedConnection,
    /// Does the server know `SET ... IFEQ`?
    pub ifeq: bool,
    /// Where it leads, if sentinels have named it.
    named: Option<(String, u16)>,
    _driver: Arc<Driver>,
}

/// redis-rs' own end of the connection: a task that would outlive us on a server that hangs.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where a connection leads to.
#[derive(Clone)]
pub enum Target {
    /// This very server.
    Server(Server),
    /// Whichever server the sentinels name as the master now.
    Master { sentinels: Vec<Server>, name: String, master: Server },
}

impl Target {
    /// Connects and sees that the server is ready; `on_cut` is called when the server ends the connection.
    pub async fn connect(&self, on_cut: impl Fn() + Clone + Send + Sync + 'static) -> RedisResult<Connection> {
        match self {
            Self::Server(server) => connect(server, on_cut).await,
            Self::Master { sentinels, name, master } => {
                let (host, port) = ask_sentinels(sentinels, name).await?;
                let named = Some((host.clone(), port));
                let mut connection = connect(&master.at(&host, port), on_cut).await?;
                // A master that has just come back may not know yet that it was replaced; one that knows says so.
                let role: Vec<Value> = redis::cmd("ROLE").query_async(&mut connection.commands).await?;
                match role.first() {
                    Some(Value::BulkString(role)) if role == b"master" => Ok(Connection { named, ..connection }),
                    _ => Err(refused("the sentinels name a server that is no master")),
                }
            }
        }
    }
}

impl Target {
    /// Do the sentinels name another server than the one that is connected? After a failover that was asked for, the old
    /// master takes writes for seconds still, and all of them are lost.
    pub async fn has_moved(&self, connection: &Connection) -> bool {
        match self {
            Self::Server(_) => false,
            // That no sentinel answers is no reason to leave a master that does.
            Self::Master { sentinels, name, .. } => {
                ask_sentinels(sentinels, name).await.is_ok_and(|master| Some(master) != connection.named)
            }
        }
    }
}

async fn connect(server: &Server, on_cut: impl Fn() + Clone + Send + Sync + 'static) -> RedisResult<Connection> {
    // RESP3 tells at once when an idle connection is cut; servers before Redis 6 do not know it.
    match handshake(server, ProtocolVersion::RESP3, on_cut.clone()).await {
        Err(error) if !error.is_io_error() && error.kind() != ErrorKind::AuthenticationFailed => {
            handshake(server, ProtocolVersion::RESP2, on_cut).await
        }
        connected => connected,
    }
}

async fn handshake(
    server: &Server,
    protocol: ProtocolVersion,
    on_cut: impl Fn() + Send + Sync + 'static,
) -> RedisResult<Connection> {
    let settings = server.settings.clone().set_protocol(protocol);
    // Deadlines are ours: they count from the sending and cover the whole batch.
    let mut config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    if protocol == ProtocolVersion::RESP3 {
        config = config.set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                on_cut();
            }
            Ok::<(), SendError>(())
        });
    }
    let (mut commands, driver) = MultiplexedConnection::new_with_config(&settings, open(server).await?, config).await?;
    let driver = Arc::new(Driver(tokio::spawn(driver).abort_handle()));
    redis::cmd("PING").query_async::<Value>(&mut commands).await?; // a server that is loading refuses here
    let about = redis::cmd("INFO").arg("server").query_async::<String>(&mut commands).await;
    Ok(Connection { commands, ifeq: about.is_ok_and(|about| knows_ifeq(&about)), named: None, _driver: driver })
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn open(server: &Server) -> RedisResult<Box<dyn Stream>> {
    match (&server.place, &server.tls) {
        (Place::Unix(path), _) => Ok(Box::new(UnixStream::connect(path).await?)),
        (Place::Tcp(host, port), tls) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            match tls {
                Some(tls) => Ok(Box::new(tls.connect(host, stream).await?)),
                None => Ok(Box::new(stream)),
            }
        }
    }
}

/// How long the sentinels are waited for.
const SENTINEL_TIMEOUT: Duration = Duration::from_millis(400);

/// The master's address. All sentinels are asked at once, and the latest decision counts: one that was away names for a
/// while the master that was before.
async fn ask_sentinels(sentinels: &[Server], name: &str) -> RedisResult<(String, u16)> {
    let mut answers = JoinSet::new();
    for sentinel in sentinels {
        let (sentinel, name) = (sentinel.clone(), name.to_owned());
        answers.spawn(async move { timeout(SENTINEL_TIMEOUT, ask_sentinel(&sentinel, &name)).await });
    }
    let mut failure = refused("no sentinel has answered in time");
    let mut latest = None;
    while let Some(answer) = answers.join_next().await {
        match answer {
            Ok(Ok(Ok(named))) => latest = latest.max(Some(named)),
            Ok(Ok(Err(error))) => failure = error,
            _ => {}
        }
    }
    latest.map(|(_, host, port)| (host, port)).ok_or(failure)
}

/// One sentinel's word: the epoch of its decision, and the master's address.
async fn ask_sentinel(sentinel: &Server, name: &str) -> RedisResult<(u64, String, u16)> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let stream = open(sentinel).await?;
    let (mut commands, driver) = MultiplexedConnection::new_with_config(&sentinel.settings, stream, config).await?;
    let _driver = Driver(tokio::spawn(driver).abort_handle());
    let mut ask = redis::pipe();
    // The address while a failover is under way is told by the first only, the epoch by the second.
    ask.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    ask.cmd("SENTINEL").arg("MASTER").arg(name);
    let (address, about): (Option<(String, u16)>, HashMap<String, String>) = ask.query_async(&mut commands).await?;
    let (host, port) = address.ok_or_else(|| refused("the sentinels know no master of that name"))?;
    let epoch = about.get("config-epoch").and_then(|epoch| epoch.parse().ok());
    Ok((epoch.ok_or_else(|| refused("a sentinel does not tell the epoch of its decision"))?, host, port))
}

fn refused(why: &'static str) -> RedisError {
    RedisError::from((ErrorKind::Io, why))
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
