//! The I/O thread: jobs in, completions out, one wake-up for many.
//!
//! One thread per process serves every store and every JavaScript environment. A port is one environment's way
//! back: completions queue there, and its event loop is woken once for all that have come until it looks. Waking it
//! waits for the tasks that are ready: the replies of a short pipeline make one batch, and not one for the first of them
//! and more for the rest. Those of a long one wake it early, since waking takes longer than reading them.

use crate::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;
use tokio::task::yield_now;

/// A piece of work for the I/O thread.
pub trait Job: Send + 'static {
    /// Starts the work; called on the I/O thread, inside its tokio runtime. Must not block.
    fn start(self);

    /// Answers that it cannot be done; called on the thread that handed it over.
    fn refuse(self, error: Error);
}

/// A queue of jobs and the thread that takes them.
pub struct Driver<J> {
    jobs: Mutex<Vec<J>>,
    submitted: Notify,
    /// Are there jobs for the thread that it has not taken?
    flushed: AtomicBool,
    /// Does the thread look at `flushed` by itself?
    looking: AtomicBool,
    /// Is there a thread?
    runs: Mutex<bool>,
}

/// After so many jobs that came alone, each soon after the one before, the thread looks for the next instead of sleeping:
/// being woken for a command and once more for its reply takes longer than the server's answer.
const SERIAL: u32 = 16;

/// As soon as a job has to come, and as long as the thread looks for it.
const SOON: Duration = Duration::from_micros(200);

/// The jobs, or completions, that a queue keeps room for.
const MOST_ROOM: usize = 1024;

/// How the jobs have come so far.
struct Pace {
    last: Instant,
    /// The jobs that came alone and soon, since the last that did not.
    serial: u32,
}

impl Pace {
    fn new() -> Self {
        Self { last: Instant::now(), serial: 0 }
    }

    fn note(&mut self, jobs: usize, now: Instant) {
        self.serial = if jobs == 1 && now - self.last < SOON { self.serial.saturating_add(1) } else { 0 };
        self.last = now;
    }
}

impl<J: Job> Driver<J> {
    pub const fn new() -> Self {
        let (flushed, looking) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { jobs: Mutex::new(Vec::new()), submitted: Notify::const_new(), flushed, looking, runs: Mutex::new(false) }
    }

    /// Queues a job; it may wait until [`Driver::flush`].
    pub fn submit(&self, job: J) {
        lock(&self.jobs).push(job);
    }

    /// Wakes the thread for what is queued, unless it has been told and not looked yet: once for many jobs, since waking a
    /// parked thread costs some 40 us. Where the system has no thread to give, or no file for its event queue, what is
    /// queued is refused, and the next call tries again.
    pub fn flush(&'static self) {
        if let Err(error) = self.ensure_thread() {
            let error = Error::Unreachable(format!("the system gives no thread or event queue to reach it: {error}"));
            let refused = std::mem::take(&mut *lock(&self.jobs));
            return refused.into_iter().for_each(|job| job.refuse(error.clone()));
        }
        let told = self.flushed.swap(true, Ordering::SeqCst);
        if !told && !self.looking.load(Ordering::SeqCst) {
            self.submitted.notify_one();
        }
    }

    fn ensure_thread(&'static self) -> io::Result<()> {
        let mut runs = lock(&self.runs);
        if !*runs {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            thread::Builder::new().name("session-io".into()).spawn(move || self.run(&runtime))?;
            *runs = true;
        }
        Ok(())
    }

    fn run(&self, runtime: &Runtime) {
        runtime.block_on(async {
            let may_look = thread::available_parallelism().is_ok_and(|processors| processors.get() > 1);
            let mut pace = Pace::new();
            let mut jobs = Vec::new();
            loop {
                if may_look && pace.serial >= SERIAL {
                    self.look().await;
                }
                self.wait().await;
                std::mem::swap(&mut jobs, &mut *lock(&self.jobs));
                pace.note(jobs.len(), Instant::now());
                for job in jobs.drain(..) {
                    // A panic costs the job (its ticket says so) and not the thread that serves all others.
                    drop(catch_unwind(AssertUnwindSafe(|| job.start())));
                }
                jobs.shrink_to(MOST_ROOM);
            }
        });
    }

    /// Stays awake until there are jobs, but not for long. What is ready besides goes on meanwhile.
    async fn look(&self) {
        let end = Instant::now() + SOON;
        self.looking.store(true, Ordering::SeqCst);
        while !self.flushed.load(Ordering::SeqCst) && Instant::now() < end {
            yield_now().await;
        }
        // Who flushes now either sees that nobody looks, and wakes, or is seen by `wait`.
        self.looking.store(false, Ordering::SeqCst);
    }

    /// Sleeps until there are jobs.
    async fn wait(&self) {
        while !self.flushed.swap(false, Ordering::SeqCst) {
            self.submitted.notified().await;
        }
    }
}

impl<J: Job> Default for Driver<J> {
    fn default() -> Self {
        Self::new()
    }
}

/// With so many completions the event loop is woken at once: until it is awake the next are there too.
const FULL_BATCH: usize = 8;

/// Of many completions the event loop takes a share, and what follows from that is on its way before it takes the next. Else
/// all requests would move in step, and the server and the event loop wait for each other.
#[derive(Default)]
struct Shares {
    /// When the last share was taken, and how many it had, if more were waiting.
    last: Option<(Instant, usize)>,
    /// How many are worked off in `SPELL`.
    in_spell: usize,
}

/// How long a share takes. With 100 or 250 µs, 64 commands in flight go as fast.
const SPELL: Duration = Duration::from_micros(150);

/// The smallest share: a wake-up for each of a few costs more than waiting saves.
const LEAST: usize = 8;

impl Shares {
    /// How many of those that wait are taken now, `most` at most.
    fn next(&mut self, waiting: usize, most: usize, now: Instant) -> usize {
        if let Some((since, count)) = self.last.take() {
            let took = (now - since).as_nanos().max(1);
            self.in_spell = (SPELL.as_nanos() * count as u128 / took) as usize;
        }
        let share = self.in_spell.max(waiting / 4).max(LEAST).min(most);
        if share < waiting {
            self.last = Some((now, share));
        }
        share.min(waiting)
    }
}

/// One JavaScript environment's completion queue.
pub struct Port<A> {
    done: Mutex<Vec<(u32, Result<A, Error>)>>,
    shares: Mutex<Shares>,
    /// Tickets that are still to complete.
    due: AtomicUsize,
    /// Has the event loop been woken, and not looked yet?
    woken: AtomicBool,
    /// The environment has ended: what still completes is dropped. Held while it is woken, so that who closes the port
    /// knows that it is called no more.
    closed: Mutex<bool>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl<A: Send + 'static> Port<A> {
    /// `wake` is called when there are completions to look at, on whatever thread; it leads to [`Port::take`].
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        let (woken, closed) = (AtomicBool::new(false), Mutex::new(false));
        Arc::new(Self {
            done: Mutex::default(),
            shares: Mutex::default(),
            due: AtomicUsize::new(0),
            woken,
            closed,
            wake: Box::new(wake),
        })
    }

    /// A share of what has completed, `most` at most; the event loop is woken again for what is left.
    pub fn take(&self, most: usize) -> Vec<(u32, Result<A, Error>)> {
        // First the flag, then the queue: what comes in between wakes once more, for nothing at worst.
        self.woken.store(false, Ordering::SeqCst);
        let mut done = lock(&self.done);
        let share = lock(&self.shares).next(done.len(), most, Instant::now());
        let taken = done.drain(..share).collect(); // and its room is kept, up to MOST_ROOM
        if done.is_empty() {
            done.shrink_to(MOST_ROOM);
            return taken;
        }
        drop(done);
        self.woken.store(true, Ordering::SeqCst);
        self.wake();
        taken
    }

    /// Ends the port: when this returns, its environment is not called again.
    pub fn close(&self) {
        *lock(&self.closed) = true;
        lock(&self.done).clear();
    }

    fn wake(&self) {
        let closed = lock(&self.closed);
        if !*closed {
            (self.wake)();
        }
    }

    /// Queues what is to be told under that number, and wakes the environment if it does not know yet.
    pub fn complete(self: &Arc<Self>, id: u32, result: Result<A, Error>) {
        if *lock(&self.closed) {
            return;
        }
        let count = {
            let mut done = lock(&self.done);
            done.push((id, result));
            done.len()
        };
        let woken = self.woken.swap(true, Ordering::SeqCst);
        if count == FULL_BATCH {
            return self.wake();
        }
        if woken {
            return;
        }
        if self.due.load(Ordering::Relaxed) == 0 {
            return self.wake(); // no other can come
        }
        let port = self.clone();
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                yield_now().await; // behind what the tasks that are ready make ready in turn
                port.wake();
            })),
            Err(_) => port.wake(),
        }
    }
}

/// The duty to complete one submission; dropping it unanswered completes it with an error.
pub struct Ticket<A: Send + 'static> {
    port: Arc<Port<A>>,
    id: u32,
    open: bool,
}

impl<A: Send + 'static> Ticket<A> {
    pub fn new(port: Arc<Port<A>>, id: u32) -> Self {
        port.due.fetch_add(1, Ordering::Relaxed);
        Self { port, id, open: true }
    }

    pub fn complete(mut self, result: Result<A, Error>) {
        self.answer(result);
    }

    fn answer(&mut self, result: Result<A, Error>) {
        self.open = false;
        self.port.due.fetch_sub(1, Ordering::Relaxed);
        self.port.complete(self.id, result);
    }
}

impl<A: Send + 'static> Drop for Ticket<A> {
    fn drop(&mut self) {
        if self.open {
            self.answer(Err(Error::Unreachable("the command was dropped".into())));
        }
    }
}

/// A panic elsewhere leaves these queues whole, so a poisoned lock is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Echo(Ticket<u32>, u32);
    impl Job for Echo {
        fn start(self) {
            match self.1 {
                13 => drop(self.0),
                77 => panic!("as the test wants it"),
                number => self.0.complete(Ok(number)),
            }
        }

        fn refuse(self, error: Error) {
            self.0.complete(Err(error));
        }
    }

    static DRIVER: Driver<Echo> = Driver::new();

    fn port() -> (Arc<Port<u32>>, mpsc::Receiver<()>) {
        let (sender, receiver) = mpsc::channel();
        (Port::new(move || sender.send(()).unwrap_or(())), receiver)
    }

    fn collect(port: &Port<u32>, woken: &mpsc::Receiver<()>, count: usize) -> Vec<(u32, Result<u32, Error>)> {
        let mut done = Vec::new();
        while done.len() < count {
            woken.recv().expect("a wake-up for every batch");
            done.extend(port.take(usize::MAX));
        }
        done
    }

    #[test]
    fn every_submission_completes_once_in_order_and_many_share_a_wake_up() {
        let (port, woken) = port();
        for id in 0..1000 {
            DRIVER.submit(Echo(Ticket::new(port.clone(), id), id + 100));
        }
        DRIVER.flush();
        let done = collect(&port, &woken, 1000);
        assert_eq!(done, (0..1000).map(|id| (id, Ok(id + 100))).collect::<Vec<_>>());
        assert!(port.take(usize::MAX).is_empty());
    }

    #[test]
    fn of_many_completions_a_share_is_taken_and_the_rest_wakes_again() {
        let (port, woken) = port();
        (0..100).for_each(|id| port.complete(id, Ok(id)));
        let wakes = |woken: &mpsc::Receiver<()>| woken.try_iter().count();
        assert!(wakes(&woken) > 0);
        assert_eq!(port.take(usize::MAX).len(), 25, "a quarter");
        assert_eq!(wakes(&woken), 1);
        for _ in 0..7 {
            assert_eq!(port.take(10).len(), 10, "no more than is asked for");
            assert_eq!(wakes(&woken), 1);
        }
        assert_eq!((port.take(usize::MAX).len(), wakes(&woken)), (5, 0), "the last share leaves nothing to wake for");
    }

    #[test]
    fn a_share_is_what_was_last_worked_off_in_a_spell() {
        let (mut shares, start) = (Shares::default(), Instant::now());
        let mut next = |waiting, spells: f64| shares.next(waiting, 1000, start + SPELL.mul_f64(spells));
        assert_eq!(next(5, 0.0), 5, "all, where they are few");
        assert_eq!(next(20, 10.0), LEAST, "what time passed without work does not count");
        assert_eq!(next(20, 10.5), 2 * LEAST);
        assert_eq!(next(100, 11.0), 4 * LEAST, "it took half a spell");
        assert_eq!(next(100, 15.0), 25, "a quarter, if that is more");
        assert_eq!(next(20, 16.0), 20);
    }

    #[test]
    fn no_job_is_overlooked_when_the_thread_goes_from_looking_to_sleep() {
        static SERIES: Driver<Echo> = Driver::new();
        let (port, woken) = port();
        for percent in 50..150 {
            for id in 0..2 * SERIAL {
                SERIES.submit(Echo(Ticket::new(port.clone(), id), id + 100));
                SERIES.flush();
                woken.recv_timeout(Duration::from_secs(20)).expect("the job is taken");
                assert_eq!(port.take(usize::MAX), [(id, Ok(id + 100))]);
            }
            let about_to_sleep = Instant::now() + SOON * percent / 100;
            while Instant::now() < about_to_sleep {
                std::hint::spin_loop();
            }
        }
    }

    #[test]
    fn a_series_is_of_jobs_that_come_alone_and_soon() {
        let mut pace = Pace::new();
        let mut serial = |jobs, after| {
            pace.note(jobs, pace.last + after);
            pace.serial
        };
        let (soon, late) = (Duration::ZERO, SOON);
        assert_eq!([serial(1, soon), serial(1, soon), serial(2, soon), serial(1, soon)], [1, 2, 0, 1]);
        assert_eq!([serial(1, late), serial(1, soon), serial(0, soon)], [0, 1, 0]);
    }

    #[tokio::test]
    async fn the_event_loop_is_woken_at_once_by_the_last_completion_and_late_while_more_are_due() {
        let (port, woken) = port();
        let [first, second, third] = [1, 2, 3].map(|id| Ticket::new(port.clone(), id));
        let wakes = || woken.try_iter().count();
        first.complete(Ok(1));
        assert_eq!(wakes(), 0);
        second.complete(Ok(2));
        yield_now().await;
        yield_now().await;
        assert_eq!((wakes(), port.take(usize::MAX).len()), (1, 2));
        third.complete(Ok(3));
        assert_eq!((wakes(), port.take(usize::MAX).len()), (1, 1));
    }

    #[tokio::test]
    async fn the_event_loop_is_woken_at_once_by_a_full_batch_though_more_are_due() {
        let (port, woken) = port();
        let tickets: Vec<_> = (0..=FULL_BATCH as u32).map(|id| Ticket::new(port.clone(), id)).collect();
        let mut wakes = tickets.into_iter().map(|ticket| {
            ticket.complete(Ok(1));
            woken.try_iter().count()
        });
        assert!(wakes.by_ref().take(FULL_BATCH - 1).all(|count| count == 0));
        assert_eq!(wakes.next(), Some(1));
    }

    #[test]
    fn a_dropped_job_completes_with_an_error() {
        let (port, woken) = port();
        DRIVER.submit(Echo(Ticket::new(port.clone(), 7), 13));
        DRIVER.flush();
        assert!(matches!(collect(&port, &woken, 1)[..], [(7, Err(Error::Unreachable(_)))]));
    }

    #[test]
    fn a_job_that_panics_fails_alone() {
        let (port, woken) = port();
        for (id, number) in [(1, 77), (2, 5)] {
            DRIVER.submit(Echo(Ticket::new(port.clone(), id), number));
        }
        DRIVER.flush();
        assert!(matches!(collect(&port, &woken, 2)[..], [(1, Err(Error::Unreachable(_))), (2, Ok(5))]));
    }

    #[test]
    fn a_closed_port_is_not_woken() {
        let (closed, woken) = port();
        closed.close();
        Ticket::new(closed.clone(), 1).complete(Ok(1));
        assert!(woken.try_recv().is_err() && closed.take(usize::MAX).is_empty());
    }
}
