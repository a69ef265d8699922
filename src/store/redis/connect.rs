//! One connection: the stream (TCP, unix socket, TLS), the handshake, and finding the master that sentinels name.

use super::address::{Place, Server};
use super::in_time::in_time;
use super::wire::{Pipeline, Stream, Wire, error_of};
use crate::error::Error;
use redis::{Cmd, FromRedisValue, Value, cmd, from_redis_value};
use std::collections::HashMap;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;

/// A connection that is ready for commands.
#[derive(Clone)]
pub struct Connection {
    pub wire: Wire,
    /// Does the server know `SET ... IFEQ`?
    pub ifeq: bool,
    /// Where it leads, if sentinels have named it.
    named: Option<(String, u16)>,
}

/// Where a connection leads to.
#[derive(Clone)]
pub enum Target {
    /// This very server.
    Server(Server),
    /// Whichever server the sentinels name as the master now.
    Master {
        sentinels: Vec<Server>,
        name: String,
        master: Server,
        /// How long the sentinels are waited for.
        patience: Duration,
    },
}

impl Target {
    /// Connects and sees that the server is ready; `on_cut` is called when the server ends the connection.
    pub async fn connect(&self, on_cut: impl FnOnce(Error) + Send + 'static) -> Result<Connection, Error> {
        match self {
            Self::Server(server) => connect(server, on_cut).await,
            Self::Master { sentinels, name, master, patience } => {
                let (host, port) = ask_sentinels(sentinels, name, *patience).await?;
                let connection = connect(&master.at(&host, port), on_cut).await?;
                // A master that has just come back may not know yet that it was replaced; one that knows says so.
                let role = connection.wire.run(Pipeline::of([&cmd("ROLE")])).await?;
                accepted(&role)?;
                match role.first().and_then(Value::as_sequence) {
                    Some([Value::BulkString(role), ..]) if role == b"master" => {
                        Ok(Connection { named: Some((host, port)), ..connection })
                    }
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
            Self::Master { sentinels, name, patience, .. } => {
                ask_sentinels(sentinels, name, *patience).await.is_ok_and(|master| Some(master) != connection.named)
            }
        }
    }
}

async fn connect(server: &Server, on_cut: impl FnOnce(Error) + Send + 'static) -> Result<Connection, Error> {
    let (wire, mut replies) = log_in(server, on_cut, [cmd("PING"), cmd("INFO").arg("server").take()]).await?;
    let about = replies.pop().and_then(|about| from_redis_value::<String>(about).ok());
    accepted(&replies)?; // a server that is loading refuses the PING
    Ok(Connection { wire, ifeq: about.is_some_and(|about| knows_ifeq(&about)), named: None })
}

/// A connection on which the server knows who we are, and its replies to what is asked first.
async fn log_in<const N: usize>(
    server: &Server,
    on_cut: impl FnOnce(Error) + Send + 'static,
    first: [Cmd; N],
) -> Result<(Wire, Vec<Value>), Error> {
    let stream = open(server).await.map_err(|error| Error::Unreachable(error.to_string()))?;
    let wire = Wire::new(stream, on_cut);
    let settings = &server.settings;
    if let Some(password) = settings.password() {
        let auth = |names: &[&str]| Pipeline::of([cmd("AUTH").arg(names).arg(password)]);
        let mut replies = wire.run(auth(settings.username().as_slice())).await?;
        // Before Redis 6 there were no users: who names one means the only one.
        if replies.iter().filter_map(error_of).any(|error| error.contains("wrong number of arguments")) {
            replies = wire.run(auth(&[])).await?;
        }
        accepted(&replies)?;
    }
    let mut login = Pipeline::default();
    if settings.db() != 0 {
        login.add(cmd("SELECT").arg(settings.db()));
    }
    let needed = login.count();
    login.add(cmd("CLIENT").arg("SETINFO").arg("LIB-NAME").arg("koa-session-native")); // Redis 7.2 and later
    first.iter().for_each(|command| login.add(command));
    let mut replies = wire.run(login).await?;
    let answers = replies.split_off(needed + 1);
    accepted(&replies[..needed])?;
    Ok((wire, answers))
}

/// Is none of the replies an error?
fn accepted(replies: &[Value]) -> Result<(), Error> {
    replies.iter().find_map(error_of).map_or(Ok(()), |why| Err(Error::Unreachable(why)))
}

async fn open(server: &Server) -> std::io::Result<Box<dyn Stream>> {
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

/// How long the sentinels are waited for. Whatever the time to connect, one of them that hangs leaves half of it for the
/// master that the others name.
pub fn sentinel_patience(connect_ms: u64) -> Duration {
    (Duration::from_millis(connect_ms) / 2).min(Duration::from_millis(400))
}

/// The master's address. All sentinels are asked at once, and the latest decision counts: one that was away names for a
/// while the master that was before.
async fn ask_sentinels(sentinels: &[Server], name: &str, patience: Duration) -> Result<(String, u16), Error> {
    let mut answers = JoinSet::new();
    for sentinel in sentinels {
        let (sentinel, name) = (sentinel.clone(), name.to_owned());
        answers.spawn(async move { in_time(patience, ask_sentinel(&sentinel, &name)).await });
    }
    let mut failure = refused("no sentinel has answered in time");
    let mut latest = None;
    while let Some(answer) = answers.join_next().await {
        match answer {
            Ok(Some(Ok(named))) => latest = latest.max(Some(named)),
            Ok(Some(Err(error))) => failure = error,
            _ => {}
        }
    }
    latest.map(|(_, host, port)| (host, port)).ok_or(failure)
}

/// One sentinel's word: the epoch of its decision, and the master's address.
async fn ask_sentinel(sentinel: &Server, name: &str) -> Result<(u64, String, u16), Error> {
    let ask = |what: &str| cmd("SENTINEL").arg(what).arg(name).take();
    // The address while a failover is under way is told by the first only, the epoch by the second.
    let asked = [ask("GET-MASTER-ADDR-BY-NAME"), ask("MASTER")];
    let (_wire, mut replies) = log_in(sentinel, drop, asked).await?;
    accepted(&replies)?;
    let about: HashMap<String, String> = read(replies.pop())?;
    let address: Option<(String, u16)> = read(replies.pop())?;
    let (host, port) = address.ok_or_else(|| refused("the sentinels know no master of that name"))?;
    let epoch = about.get("config-epoch").and_then(|epoch| epoch.parse().ok());
    Ok((epoch.ok_or_else(|| refused("a sentinel does not tell the epoch of its decision"))?, host, port))
}

fn read<T: FromRedisValue>(reply: Option<Value>) -> Result<T, Error> {
    let reply = reply.ok_or_else(|| refused("a reply is missing"))?;
    from_redis_value(reply).map_err(|error| Error::Unreachable(error.to_string()))
}

fn refused(why: &str) -> Error {
    Error::Unreachable(why.into())
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
