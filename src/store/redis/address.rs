//! Where the servers are: the options, checked and understood before anything is connected.

use super::tls::{self, Tls};
use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};
use std::path::PathBuf;

/// What the user asks for; exactly one of `url`, `host` (with port and the rest), `socket`, `cluster` and `sentinel`,
/// or none of them for `redis://127.0.0.1:6379`.
#[derive(Clone, Default)]
pub struct Options {
    /// `redis://`, `rediss://` (TLS), `unix://` or `redis+unix://`, with user, password and database.
    pub url: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    /// The path of a unix socket.
    pub socket: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub db: Option<i64>,
    /// Addresses of some of a cluster's nodes.
    pub cluster: Option<Vec<String>>,
    pub sentinel: Option<SentinelOptions>,
    pub tls: Option<tls::Options>,
    /// In milliseconds, for a connection and all that is said before it is used.
    pub connect_timeout_ms: u64,
    /// In milliseconds, from the sending of a command to its reply.
    pub command_timeout_ms: u64,
}

#[derive(Clone, Default)]
pub struct SentinelOptions {
    /// The name that the sentinels know the master by.
    pub master: String,
    /// Addresses of the sentinels.
    pub nodes: Vec<String>,
    /// How to log in to the sentinels themselves.
    pub username: Option<String>,
    pub password: Option<String>,
}

/// An option that could never work. No value: there may be a password in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    pub option: &'static str,
    pub accepted: String,
}

/// The servers of one store.
#[derive(Clone)]
pub enum Topology {
    Standalone(Server),
    Cluster(Vec<Server>),
    Sentinel { sentinels: Vec<Server>, name: String, master: Server },
}

/// One server, and how to talk to it.
#[derive(Clone)]
pub struct Server {
    pub place: Place,
    pub settings: RedisConnectionInfo,
    pub tls: Option<Tls>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Place {
    Tcp(String, u16),
    Unix(PathBuf),
}

const URL: &str = "redis://, rediss://, unix:// or redis+unix:// with [user][:password@]host[:port][/database]";

impl Server {
    /// The same way of talking, at another place.
    pub fn at(&self, host: &str, port: u16) -> Self {
        Self { place: Place::Tcp(host.to_owned(), port), ..self.clone() }
    }

    fn parse(url: &str, option: &'static str, tls: Option<&Tls>) -> Result<Self, Invalid> {
        let invalid = || Invalid { option, accepted: URL.into() };
        // redis-rs is built without TLS, which is ours; to it a rediss:// is a redis://.
        let (plain, secure) = match url.strip_prefix("rediss://") {
            Some(rest) => (format!("redis://{rest}"), true),
            None => (url.to_owned(), false),
        };
        let info = plain.as_str().into_connection_info().map_err(|_| invalid())?;
        let place = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Place::Tcp(host.clone(), *port),
            ConnectionAddr::Unix(path) => Place::Unix(path.clone()),
            _ => return Err(invalid()),
        };
        let tls = match (tls, secure) {
            (Some(tls), _) => Some(tls.clone()),
            (None, true) => Some(Tls::new(&tls::Options::default())?),
            (None, false) => None,
        };
        Ok(Self { place, settings: info.redis_settings().clone(), tls })
    }

    fn parse_all(urls: &[String], option: &'static str, tls: Option<&Tls>) -> Result<Vec<Self>, Invalid> {
        if urls.is_empty() {
            return Err(Invalid { option, accepted: "a list of at least one address".into() });
        }
        urls.iter().map(|url| Self::parse(url, option, tls)).collect()
    }

    fn logged_in(mut self, username: Option<&String>, password: Option<&String>, db: Option<i64>) -> Self {
        if let Some(username) = username {
            self.settings = self.settings.set_username(username);
        }
        if let Some(password) = password {
            self.settings = self.settings.set_password(password);
        }
        if let Some(db) = db {
            self.settings = self.settings.set_db(db);
        }
        self
    }
}

impl Topology {
    /// # Errors
    /// [`Invalid`] names the option that could never work.
    pub fn new(options: &Options) -> Result<Self, Invalid> {
        let Options { url, host, port, socket, username, password, db, cluster, sentinel, tls, .. } = options;
        let given = [
            ("url", url.is_some()),
            ("host", host.is_some() || port.is_some()),
            ("socket", socket.is_some()),
            ("cluster", cluster.is_some()),
            ("sentinel", sentinel.is_some()),
        ];
        let given: Vec<_> = given.iter().filter(|(_, given)| *given).map(|(option, _)| *option).collect();
        if let [_, second, ..] = given[..] {
            return Err(Invalid { option: second, accepted: format!("not together with {}", given[0]) });
        }
        if db.is_some_and(|db| db != 0 && cluster.is_some()) {
            return Err(Invalid { option: "db", accepted: "0 (a cluster has no other)".into() });
        }
        let tls = tls.as_ref().map(Tls::new).transpose()?;
        let login = |server: Server| server.logged_in(username.as_ref(), password.as_ref(), *db);
        let local = || Server::parse("redis://127.0.0.1:6379", "url", tls.as_ref());
        if let Some(urls) = cluster {
            let nodes = Server::parse_all(urls, "cluster", tls.as_ref())?;
            return Ok(Self::Cluster(nodes.into_iter().map(login).collect()));
        }
        if let Some(sentinel) = sentinel {
            if sentinel.master.is_empty() {
                return Err(Invalid { option: "sentinel.master", accepted: "the name of the master".into() });
            }
            let nodes = Server::parse_all(&sentinel.nodes, "sentinel.nodes", tls.as_ref())?;
            let (username, password) = (sentinel.username.as_ref(), sentinel.password.as_ref());
            let sentinels = nodes.into_iter().map(|node| node.logged_in(username, password, Some(0))).collect();
            return Ok(Self::Sentinel { sentinels, name: sentinel.master.clone(), master: login(local()?) });
        }
        let server = match (url, socket) {
            (Some(url), _) => Server::parse(url, "url", tls.as_ref())?,
            (None, Some(path)) => Server { place: Place::Unix(path.into()), tls: None, ..local()? },
            (None, None) => local()?.at(host.as_deref().unwrap_or("127.0.0.1"), port.unwrap_or(6379)),
        };
        Ok(Self::Standalone(login(server)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> Options {
        Options { url: Some(url.into()), ..Options::default() }
    }

    fn standalone(options: Options) -> Server {
        match Topology::new(&options) {
            Ok(Topology::Standalone(server)) => server,
            Ok(_) => panic!("another topology"),
            Err(invalid) => panic!("{invalid:?}"),
        }
    }

    fn refused(options: Options) -> &'static str {
        Topology::new(&options).err().expect("refused").option
    }

    #[test]
    fn an_address_is_a_url_or_its_parts() {
        let server = standalone(options("redis://user:pass@host:7000/3"));
        assert!(server.place == Place::Tcp("host".into(), 7000) && server.tls.is_none());
        assert_eq!(
            (server.settings.username(), server.settings.password(), server.settings.db()),
            (Some("user"), Some("pass"), 3)
        );
        assert!(standalone(Options::default()).place == Place::Tcp("127.0.0.1".into(), 6379));
        let parts = Options {
            host: Some("h".into()),
            port: Some(1),
            password: Some("p".into()),
            db: Some(2),
            ..Options::default()
        };
        let server = standalone(parts);
        assert!(server.place == Place::Tcp("h".into(), 1));
        assert_eq!((server.settings.password(), server.settings.db()), (Some("p"), 2));
        for url in ["unix:///tmp/s.sock?db=4", "redis+unix:///tmp/s.sock?db=4"] {
            let server = standalone(options(url));
            assert!(server.place == Place::Unix("/tmp/s.sock".into()) && server.settings.db() == 4);
        }
        assert!(standalone(options("rediss://host")).tls.is_some());
    }

    #[test]
    fn what_could_never_work_is_refused_by_its_name() {
        assert_eq!(refused(options("http://:secret@host")), "url");
        assert_eq!(refused(options("redis://host:port")), "url");
        assert_eq!(refused(Options { host: Some("h".into()), ..options("redis://host") }), "host");
        assert_eq!(refused(Options { cluster: Some(vec![]), ..Options::default() }), "cluster");
        assert_eq!(
            refused(Options { cluster: Some(vec!["redis://h".into()]), db: Some(1), ..Options::default() }),
            "db"
        );
        let sentinel = SentinelOptions { master: "m".into(), ..SentinelOptions::default() };
        assert_eq!(refused(Options { sentinel: Some(sentinel), ..Options::default() }), "sentinel.nodes");
        let sentinel = SentinelOptions { nodes: vec!["redis://h".into()], ..SentinelOptions::default() };
        assert_eq!(refused(Options { sentinel: Some(sentinel), ..Options::default() }), "sentinel.master");
        let tls = tls::Options { ca: Some("garbage".into()), ..tls::Options::default() };
        assert_eq!(refused(Options { tls: Some(tls), ..options("rediss://host") }), "tls.ca");
    }
}
