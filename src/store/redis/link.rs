//! A link: the supervised connection to one server. Made when it is first needed, watched, and made again when it fails.
//!
//! While the server is down, commands fail at once.

use super::connect::{Connection, Target};
use super::in_time::in_time;
use super::wire::Pipeline;
use crate::error::Error;
use redis::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// What a store tells about its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A connection is being made for the first time.
    Connecting,
    /// A server is ready.
    Connect,
    /// The connection is lost; `Reconnecting` follows.
    Disconnect,
    /// Why connecting failed, or a connection was lost.
    Error(Error),
    /// A connection is being made again.
    Reconnecting,
}

/// Told of every [`Event`], on the I/O thread.
pub type OnEvent = Arc<dyn Fn(Event) + Send + Sync>;

pub struct Link {
    target: Target,
    timeouts: Timeouts,
    on_event: OnEvent,
    state: Mutex<State>,
    changed: Notify,
}

/// In milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    pub connect_ms: u64,
    pub command_ms: u64,
}

enum State {
    /// Not needed so far.
    Idle,
    /// The first connection is being made: commands wait for it.
    Connecting,
    Up(Up),
    /// It failed, and is being made again in the background.
    Down(Error),
    Closed,
}

#[derive(Clone)]
struct Up {
    connection: Connection,
    /// Tells a connection from those before it, so that a late failure does not end its successor.
    generation: u64,
    since: Instant,
    /// What was waited before it was made.
    pause: Duration,
    /// When the server has last answered.
    heard: Instant,
}

impl Up {
    fn new(connection: Connection, generation: u64, pause: Duration) -> Self {
        let now = Instant::now();
        Self { connection, generation, since: now, pause, heard: now }
    }
}

/// What is to be waited before a connection is made again that has held for so long, and what was waited before it:
/// nothing, unless it did not hold.
fn pause_after(held: Duration, pause: Duration) -> Duration {
    if held < HEARTBEAT { (pause * 2).clamp(FIRST_BACKOFF, MAX_BACKOFF) } else { Duration::ZERO }
}

const FIRST_BACKOFF: Duration = Duration::from_millis(20);
const MAX_BACKOFF: Duration = Duration::from_millis(400);
/// A server that has not been heard for so long is asked whether it is there: nothing else tells of one that hangs.
const HEARTBEAT: Duration = Duration::from_secs(1);

impl Link {
    pub fn new(target: Target, timeouts: Timeouts, on_event: OnEvent) -> Arc<Self> {
        let (state, changed) = (Mutex::new(State::Idle), Notify::new());
        Arc::new(Self { target, timeouts, on_event, state, changed })
    }

    /// Sends the commands and waits for their replies; error replies come back as values.
    pub async fn run(self: &Arc<Self>, pipeline: Pipeline) -> Result<Vec<Value>, Error> {
        let Up { connection, generation, .. } = self.up().await?;
        let replies = in_time(Duration::from_millis(self.timeouts.command_ms), connection.wire.run(pipeline)).await;
        let replies = replies.unwrap_or(Err(Error::TimedOut(self.timeouts.command_ms)));
        match &replies {
            Ok(values) => match values.iter().find_map(out_of_service) {
                Some(why) => self.fail(generation, Error::Unreachable(why)),
                None => self.heard(generation),
            },
            Err(error) => self.fail(generation, error.clone()),
        }
        replies
    }

    /// Does the connected server know `SET ... IFEQ`?
    pub fn has_ifeq(&self) -> bool {
        matches!(&*self.lock(), State::Up(up) if up.connection.ifeq)
    }

    /// Has connecting failed, or the connection been lost?
    pub fn is_down(&self) -> bool {
        matches!(&*self.lock(), State::Down(_))
    }

    fn is_closed(&self) -> bool {
        matches!(&*self.lock(), State::Closed)
    }

    /// Lets the connection go, for good.
    pub fn close(&self) {
        let before = std::mem::replace(&mut *self.lock(), State::Closed);
        if matches!(before, State::Up(_)) {
            (self.on_event)(Event::Disconnect);
        }
        self.changed.notify_waiters();
    }

    /// The connection, once there is one.
    async fn up(self: &Arc<Self>) -> Result<Up, Error> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.lock();
                match &*state {
                    State::Up(up) => return Ok(up.clone()),
                    State::Down(error) => return Err(error.clone()),
                    State::Closed => return Err(Error::Closed),
                    State::Connecting => {}
                    State::Idle => {
                        *state = State::Connecting;
                        self.start(1, Duration::ZERO);
                    }
                }
            }
            changed.await;
        }
    }

    fn heard(&self, generation: u64) {
        if let State::Up(up) = &mut *self.lock()
            && up.generation == generation
        {
            up.heard = Instant::now();
        }
    }

    /// Notes that the connection of that generation has failed, and has it made again.
    fn fail(self: &Arc<Self>, generation: u64, error: Error) {
        let pause = {
            let mut state = self.lock();
            let pause = match &*state {
                State::Up(up) if up.generation == generation => pause_after(up.since.elapsed(), up.pause),
                _ => return,
            };
            *state = State::Down(error.clone());
            pause
        };
        (self.on_event)(Event::Disconnect);
        (self.on_event)(Event::Error(error));
        self.start(generation + 1, pause);
    }

    fn start(self: &Arc<Self>, generation: u64, pause: Duration) {
        tokio::spawn(supervise(Arc::downgrade(self), generation, pause));
    }

    /// As a task of its own, which alone a panic ends: tokio has one where the system gives no thread to look a name up.
    async fn attempt(self: &Arc<Self>, generation: u64) -> Result<Connection, Error> {
        let link = self.clone();
        let attempt = tokio::spawn(async move { link.connect(generation).await });
        attempt.await.unwrap_or_else(|panic| Err(Error::Unreachable(panic.to_string())))
    }

    async fn connect(self: &Arc<Self>, generation: u64) -> Result<Connection, Error> {
        let link = Arc::downgrade(self);
        let on_cut = move |why| {
            if let Some(link) = link.upgrade() {
                link.fail(generation, why);
            }
        };
        match in_time(Duration::from_millis(self.timeouts.connect_ms), self.target.connect(on_cut)).await {
            // One that was cut by now has told the link too early.
            Some(Ok(connection)) => connection.wire.cut().map_or(Ok(connection), Err),
            Some(Err(error)) => Err(error),
            None => Err(Error::TimedOut(self.timeouts.connect_ms)),
        }
    }

    /// Takes in how an attempt has ended; is the link in use still?
    fn settle(&self, outcome: Result<Up, Error>) -> bool {
        let event = match &outcome {
            Ok(_) => Event::Connect,
            Err(error) => Event::Error(error.clone()),
        };
        {
            let mut state = self.lock();
            if matches!(&*state, State::Closed) {
                return false;
            }
            *state = outcome.map_or_else(State::Down, State::Up);
        }
        (self.on_event)(event);
        self.changed.notify_waiters();
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a connection, for as long as it takes and the link is in use, and then watches it.
async fn supervise(link: Weak<Link>, generation: u64, pause: Duration) {
    sleep(pause).await;
    let mut backoff = FIRST_BACKOFF;
    loop {
        let Some(link) = link.upgrade().filter(|link| !link.is_closed()) else { return };
        (link.on_event)(if generation == 1 && backoff == FIRST_BACKOFF {
            Event::Connecting
        } else {
            Event::Reconnecting
        });
        let outcome = link.attempt(generation).await;
        let up = outcome.is_ok();
        if !link.settle(outcome.map(|connection| Up::new(connection, generation, pause))) {
            return;
        }
        if up {
            break;
        }
        drop(link);
        sleep(backoff.mul_f64(rand::random_range(0.5..1.0))).await;
        backoff = (backoff * 2).min(MAX_BACKOFF);
    }
    watch(link, generation).await;
}

/// Asks a silent server whether it is there, and the sentinels whether it is the one, until its connection is replaced
/// or let go.
async fn watch(link: Weak<Link>, generation: u64) {
    loop {
        sleep(HEARTBEAT).await;
        let Some(link) = link.upgrade() else { return };
        let up = match &*link.lock() {
            State::Up(up) if up.generation == generation => up.clone(),
            _ => return,
        };
        if up.heard.elapsed() >= HEARTBEAT {
            // A failure has its effect in there; an answer counts as heard.
            link.run(Pipeline::of([&redis::cmd("PING")])).await.map_or_else(|_| (), |_| ());
        }
        if link.target.has_moved(&up.connection).await {
            link.fail(generation, Error::Unreachable("the sentinels name another master".into()));
        }
    }
}

/// Why a server that answers so cannot serve now, and its connection is to be made anew: a master that was demoted, one
/// that has lost its own master, one that is still loading.
fn out_of_service(reply: &Value) -> Option<String> {
    match reply {
        Value::ServerError(error) if ["READONLY", "MASTERDOWN", "LOADING"].contains(&error.code()) => {
            Some(format!("the server is out of service ({})", error.code()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::redis::address::{Options, Topology};
    use std::sync::mpsc;
    use tokio::runtime::{Builder, Runtime};

    fn link(on_event: impl Fn(Event) + Send + Sync + 'static) -> Arc<Link> {
        let Ok(Topology::Standalone(server)) = Topology::new(&Options::default()) else { panic!("another topology") };
        Link::new(Target::Server(server), Timeouts { connect_ms: 1000, command_ms: 1000 }, Arc::new(on_event))
    }

    /// In here every attempt to connect panics, and the clock goes on as soon as all wait for it.
    fn without_io() -> Runtime {
        Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
    }

    #[test]
    fn a_panic_while_a_connection_is_made_is_an_error() {
        let link = link(drop);
        let answer = without_io().block_on(async {
            let pinged = link.run(Pipeline::of([&redis::cmd("PING")]));
            in_time(Duration::from_secs(20), pinged).await.expect("an answer")
        });
        assert!(matches!(answer, Err(Error::Unreachable(_))) && link.is_down());
    }

    #[test]
    fn one_that_is_closed_while_it_is_down_tries_no_more_and_tells_nothing() {
        let (sender, told) = mpsc::channel();
        let link = link(move |event| sender.send(event).expect("a listener"));
        without_io().block_on(async {
            assert!(link.run(Pipeline::of([&redis::cmd("PING")])).await.is_err());
            sleep(MAX_BACKOFF).await;
            let before: Vec<_> = told.try_iter().collect();
            assert!(before.contains(&Event::Reconnecting), "while it is open it tries");
            link.close();
            sleep(2 * MAX_BACKOFF).await;
        });
        assert_eq!(told.try_iter().collect::<Vec<_>>(), []);
    }

    #[test]
    fn what_does_not_hold_is_made_again_after_longer_and_longer_pauses() {
        let at_once = Duration::from_millis(3);
        let mut pause = Duration::ZERO;
        let pauses: Vec<_> = std::iter::repeat_with(|| {
            pause = pause_after(at_once, pause);
            pause.as_millis()
        })
        .take(7)
        .collect();
        assert_eq!(pauses, [20, 40, 80, 160, 320, 400, 400]);
        assert_eq!(pause_after(HEARTBEAT, pause), Duration::ZERO);
    }
}
