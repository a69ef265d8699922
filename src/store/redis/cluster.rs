//! A cluster: which node holds which key, a link and a batch for each node, redirections followed.
//!
//! redis-rs' own cluster client never leaves a master that hangs; here every node has a supervised link, so that a node
//! that is down fails its own keys at once and no others, and the map is asked for again until every master answers, and
//! every node that redirections lead to is in it.

use super::address::{Place, Server};
use super::batch::Batch;
use super::connect::Target;
use super::link::{Event, Link, OnEvent, Timeouts};
use crate::error::Error;
use redis::{Cmd, Value};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

pub struct Cluster {
    seeds: Vec<Server>,
    timeouts: Timeouts,
    on_event: OnEvent,
    state: Mutex<State>,
    refreshing: AtomicBool,
    /// Held while the first map is loaded: who comes meanwhile waits for it.
    loading: tokio::sync::Mutex<()>,
    /// How many nodes are connected: the cluster is, as long as one is.
    connected: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    nodes: HashMap<Place, Arc<Batch>>,
    /// Who is the master of which slots.
    slots: Vec<(RangeInclusive<u16>, Place)>,
    /// When redirections have last led to which nodes. They know of a node before all maps do.
    redirected: HashMap<Place, Instant>,
    closed: bool,
}

/// How often one command follows a redirection.
const REDIRECTIONS: u32 = 8;
/// Between two tries at a slot that is being moved.
const TRY_AGAIN: Duration = Duration::from_millis(10);
/// Between two tries at a map that will do.
const REFRESH_EVERY: Duration = Duration::from_millis(200);

/// Where an error reply sends a command.
enum Redirection {
    Moved(String, u16),
    Ask(String, u16),
    TryAgain,
    /// The map is not what it was; the command has failed.
    Stale,
}

impl Cluster {
    pub fn new(seeds: Vec<Server>, timeouts: Timeouts, on_event: OnEvent) -> Arc<Self> {
        let (state, refreshing) = (Mutex::default(), AtomicBool::new(false));
        let (loading, connected) = (tokio::sync::Mutex::default(), Arc::default());
        Arc::new(Self { seeds, timeouts, on_event, state, refreshing, loading, connected })
    }

    /// Sends a command to the node that holds `key`, and follows where it is sent.
    pub async fn ask(self: &Arc<Self>, key: &str, command: Cmd) -> Result<Value, Error> {
        let mut node = self.node_of(key).await?;
        let mut asking = false;
        for _ in 0..REDIRECTIONS {
            let reply = match asking {
                true => node.ask_behind(redis::cmd("ASKING"), command.clone()).await,
                false => node.ask(command.clone()).await,
            };
            asking = false;
            let error = match reply {
                Err(Error::Refused(why)) => match redirection(&why) {
                    Some(Redirection::Moved(host, port)) => {
                        node = self.redirected(&node.place, host, port);
                        self.refresh();
                        continue;
                    }
                    Some(Redirection::Ask(host, port)) => {
                        node = self.redirected(&node.place, host, port);
                        asking = true;
                        continue;
                    }
                    Some(Redirection::TryAgain) => {
                        sleep(TRY_AGAIN).await;
                        continue;
                    }
                    Some(Redirection::Stale) => Error::Unreachable(why),
                    None => return Err(Error::Refused(why)),
                },
                Err(error) => error,
                Ok(reply) => return Ok(reply),
            };
            self.refresh();
            return Err(error);
        }
        Err(Error::Unreachable(format!("the cluster has sent a command on {REDIRECTIONS} times")))
    }

    /// Does the node that holds `key` know `SET ... IFEQ`?
    pub fn has_ifeq(&self, key: &str) -> bool {
        self.known_node(slot(key)).is_some_and(|node| node.link.has_ifeq())
    }

    /// Is every master there?
    pub async fn ping(self: &Arc<Self>) -> Result<Value, Error> {
        self.node_of("").await?;
        let masters: Vec<Arc<Batch>> = {
            let state = self.lock();
            state.slots.iter().filter_map(|(_, place)| state.nodes.get(place).cloned()).collect()
        };
        for master in masters {
            master.ask(redis::cmd("PING")).await?;
        }
        Ok(Value::Okay)
    }

    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.slots.clear();
        state.nodes.drain().for_each(|(_, node)| node.link.close());
    }

    async fn node_of(self: &Arc<Self>, key: &str) -> Result<Arc<Batch>, Error> {
        let slot = slot(key);
        if let Some(node) = self.known_node(slot) {
            return Ok(node);
        }
        if self.lock().closed {
            return Err(Error::Closed);
        }
        let _one_at_a_time = self.loading.lock().await;
        if let Some(node) = self.known_node(slot) {
            return Ok(node);
        }
        self.load().await?;
        self.known_node(slot).ok_or_else(|| Error::Unreachable("no node of the cluster holds this slot".into()))
    }

    fn known_node(&self, slot: u16) -> Option<Arc<Batch>> {
        let state = self.lock();
        let (_, place) = state.slots.iter().find(|(range, _)| range.contains(&slot))?;
        state.nodes.get(place).cloned()
    }

    /// The node to which a redirection leads.
    fn redirected(&self, told_by: &Place, host: String, port: u16) -> Arc<Batch> {
        let node = self.node_near(told_by, host, port);
        self.lock().redirected.insert(node.place.clone(), Instant::now());
        node
    }

    /// The node at that address; one without a host (or with `?`) is on the host of the node that told it.
    fn node_near(&self, told_by: &Place, host: String, port: u16) -> Arc<Batch> {
        let host = match told_by {
            Place::Tcp(known, _) if host.is_empty() || host == "?" => known.clone(),
            _ => host,
        };
        self.node(&self.seeds[0].at(&host, port))
    }

    fn node(&self, server: &Server) -> Arc<Batch> {
        let mut state = self.lock();
        let state = &mut *state;
        let node = state.nodes.entry(server.place.clone()).or_insert_with(|| {
            let (connected, on_event) = (self.connected.clone(), self.on_event.clone());
            let on_node_event: OnEvent = Arc::new(move |event| {
                let counts = match event {
                    Event::Connect => connected.fetch_add(1, Ordering::SeqCst) == 0,
                    Event::Disconnect => connected.fetch_sub(1, Ordering::SeqCst) == 1,
                    _ => true,
                };
                if counts {
                    on_event(event);
                }
            });
            Batch::new(Link::new(Target::Server(server.clone()), self.timeouts, on_node_event), server.place.clone())
        });
        if state.closed {
            node.link.close();
        }
        node.clone()
    }

    /// Asks for the map in the background, until every master in it answers and all to which redirections lead are
    /// among them; one at a time.
    fn refresh(self: &Arc<Self>) {
        if self.refreshing.swap(true, Ordering::SeqCst) {
            return;
        }
        let cluster = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(cluster) = cluster.upgrade() {
                let loaded = cluster.load().await;
                let settled = {
                    let state = cluster.lock();
                    let is_up = |place: &Place| state.nodes.get(place).is_some_and(|node| !node.link.is_down());
                    let is_master = |place: &Place| state.slots.iter().any(|(_, master)| master == place);
                    let will_do =
                        state.slots.iter().all(|(_, place)| is_up(place)) && state.redirected.keys().all(is_master);
                    state.closed || (loaded.is_ok() && will_do)
                };
                if settled {
                    cluster.refreshing.store(false, Ordering::SeqCst);
                    return;
                }
                drop(cluster);
                sleep(REFRESH_EVERY).await;
            }
        });
    }

    /// Takes the map from the first node that gives one; all are asked at once, since any of them may hang.
    async fn load(self: &Arc<Self>) -> Result<(), Error> {
        let mut asked: Vec<Arc<Batch>> = self.lock().nodes.values().cloned().collect();
        asked.extend(self.seeds.iter().map(|seed| self.node(seed)));
        let mut answers = JoinSet::new();
        for node in asked {
            answers.spawn(async move {
                let reply = node.ask(redis::cmd("CLUSTER").arg("SLOTS").take()).await;
                (reply.map(|reply| read_slots(&reply)), node)
            });
        }
        let mut failure = Error::Unreachable("the cluster has no nodes".into());
        while let Some(answer) = answers.join_next().await {
            match answer {
                Ok((Ok(slots), node)) if !slots.is_empty() => {
                    self.install(slots, &node.place);
                    return Ok(());
                }
                Ok((Err(error), _)) => failure = error,
                _ => {}
            }
        }
        Err(failure)
    }

    fn install(&self, slots: Vec<(RangeInclusive<u16>, String, u16)>, told_by: &Place) {
        let place = |host, port| self.node_near(told_by, host, port).place.clone();
        let slots: Vec<_> = slots.into_iter().map(|(range, host, port)| (range, place(host, port))).collect();
        let seeds: Vec<_> = self.seeds.iter().map(|seed| &seed.place).collect();
        // A node that a map does not know is not closed while a command that was sent on to it may wait for its answer.
        let Timeouts { connect_ms, command_ms } = self.timeouts;
        let answered_after = Duration::from_millis(connect_ms) + Duration::from_millis(command_ms);
        let mut state = self.lock();
        let State { nodes, redirected, .. } = &mut *state;
        redirected.retain(|_, at| at.elapsed() < answered_after);
        nodes.retain(|place, node| {
            let is_master = slots.iter().any(|(_, master)| master == place);
            let kept = seeds.contains(&place) || is_master || redirected.contains_key(place);
            if !kept {
                node.link.close();
            }
            kept
        });
        state.slots = slots;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slot of a key: CRC16 of the key, or of what stands in its first braces (Redis Cluster specification).
fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    crc16::State::<crc16::XMODEM>::calculate(hashed.as_bytes()) % 16384
}

fn redirection(why: &str) -> Option<Redirection> {
    let mut words = why.split_whitespace();
    let address = |words: &mut std::str::SplitWhitespace| {
        let (host, port) = words.nth(1)?.rsplit_once(':')?;
        Some((host.to_owned(), port.parse().ok()?))
    };
    match words.next()? {
        "MOVED" => address(&mut words).map(|(host, port)| Redirection::Moved(host, port)),
        "ASK" => address(&mut words).map(|(host, port)| Redirection::Ask(host, port)),
        "TRYAGAIN" => Some(Redirection::TryAgain),
        "CLUSTERDOWN" | "READONLY" | "MASTERDOWN" => Some(Redirection::Stale),
        _ => None,
    }
}

/// The masters in a reply to CLUSTER SLOTS.
fn read_slots(reply: &Value) -> Vec<(RangeInclusive<u16>, String, u16)> {
    reply.as_sequence().unwrap_or_default().iter().filter_map(read_range).collect()
}

fn read_range(range: &Value) -> Option<(RangeInclusive<u16>, String, u16)> {
    let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = range.as_sequence()? else { return None };
    let (host, port) = match &master[..] {
        [Value::BulkString(host), Value::Int(port), ..] => (String::from_utf8_lossy(host).into_owned(), *port),
        [Value::Nil, Value::Int(port), ..] => (String::new(), *port),
        _ => return None,
    };
    Some((u16::try_from(*first).ok()?..=u16::try_from(*last).ok()?, host, u16::try_from(port).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot("123456789"), 0x31C3);
        assert_eq!(slot("{user1000}.following"), slot("{user1000}.followers"));
        assert_eq!(slot("foo{}{bar}"), crc16::State::<crc16::XMODEM>::calculate(b"foo{}{bar}") % 16384);
        assert_eq!(slot("foo{{bar}}zap"), slot("{bar"));
        assert_ne!(slot("foo{bar}{zap}"), slot("zap"));
    }

    #[test]
    fn redirections_are_read_from_error_replies() {
        assert!(
            matches!(redirection("MOVED 3999 127.0.0.1:6381"), Some(Redirection::Moved(host, 6381)) if host == "127.0.0.1")
        );
        assert!(matches!(redirection("ASK 3999 ::1:6381"), Some(Redirection::Ask(host, 6381)) if host == "::1"));
        assert!(redirection("WRONGTYPE Operation").is_none() && redirection("").is_none());
    }
}
