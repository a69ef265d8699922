//! The I/O thread off the event loop's processor, where another is idle.
//!
//! Linux wakes a thread where it or its waker ran last, and looks for an idle processor only while those that share a cache
//! are less than some 60 % busy (`SIS_UTIL` in kernel/sched/fair.c). Of two processors that is little: with 64 commands in
//! flight the I/O thread ran beside the event loop in 7 to 20 of 100 wake-ups, and the two took turns while the other
//! processor idled. So the thread goes there itself, and stays free to run wherever the scheduler puts it next.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The processor on which an event loop handed over jobs last.
pub struct Processor(AtomicUsize);

/// Nobody runs there: nothing has been handed over, or the system does not say where a thread runs.
const UNKNOWN: usize = usize::MAX;

impl Processor {
    pub const fn unknown() -> Self {
        Self(AtomicUsize::new(UNKNOWN))
    }

    /// The event loop that calls this runs there.
    pub fn note(&self) {
        self.0.store(system::processor(), Ordering::Relaxed);
    }
}

/// After so many wake-ups in a row beside the event loop the thread goes elsewhere: one or two end by themselves.
const OFTEN: u32 = 8;

/// The least time from one look for an idle processor to the next. Looking, and going there, take some 50 us.
const PAUSE: Duration = Duration::from_millis(10);

/// How the I/O thread has run so far.
pub struct Apart {
    /// Wake-ups beside the event loop, since the last that was not.
    beside: u32,
    looked: Instant,
}

impl Apart {
    pub fn new() -> Self {
        Self { beside: 0, looked: Instant::now() }
    }

    /// Called by the I/O thread when it has been woken.
    pub fn keep(&mut self, event_loop: &Processor, now: Instant) {
        let own = system::processor();
        if self.is_due(own == event_loop.0.load(Ordering::Relaxed) && own != UNKNOWN, now) && system::has_idle() {
            system::leave(own);
        }
    }

    fn is_due(&mut self, beside: bool, now: Instant) -> bool {
        self.beside = if beside { self.beside.saturating_add(1) } else { 0 };
        let due = self.beside >= OFTEN && now - self.looked >= PAUSE;
        if due {
            (self.beside, self.looked) = (0, now);
        }
        due
    }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{sched_getaffinity, sched_getcpu, sched_setaffinity};
    use std::fs;

    pub fn processor() -> usize {
        sched_getcpu()
    }

    /// Is there, with two threads on one of them, an idle processor among those that this process may use?
    pub fn has_idle() -> bool {
        let usable = sched_getaffinity(None).map_or(0, |all| all.count());
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        usable > 1 && runnable(&load).is_some_and(|threads| threads <= usable)
    }

    /// The threads of the whole system that run, or wait for a processor: `0.20 0.18 0.12 1/80 11206` (proc_loadavg(5)).
    pub fn runnable(load: &str) -> Option<u32> {
        load.split(' ').nth(3)?.split('/').next()?.parse().ok()
    }

    /// Moves the calling thread off that processor; `Some` is where it has gone, if it may run elsewhere. It may come back.
    pub fn leave(processor: usize) -> Option<usize> {
        let all = sched_getaffinity(None).ok()?;
        let mut others = all;
        others.unset(processor);
        sched_setaffinity(None, &others).ok()?; // not if there is none
        let gone_to = sched_getcpu();
        // Nothing can be done if this fails, and nothing is lost: the thread goes on without that one processor.
        sched_setaffinity(None, &all).unwrap_or(());
        Some(gone_to)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub fn processor() -> usize {
        super::UNKNOWN
    }

    pub fn has_idle() -> bool {
        false
    }

    pub fn leave(_: usize) -> Option<usize> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_to_go_after_some_wake_ups_in_a_row_beside_the_event_loop_and_not_at_once_again() {
        let mut apart = Apart::new();
        let start = apart.looked;
        let mut due =
            |times: u32, beside, after| (0..times).map(|_| apart.is_due(beside, start + after)).collect::<Vec<_>>();
        let (early, late) = (PAUSE / 2, PAUSE);
        assert!(!due(2 * OFTEN, true, early).contains(&true), "too early");
        assert_eq!(due(2, true, late), [true, false], "and then from the start again");
        assert_eq!(due(1, false, 2 * late), [false]);
        assert!(!due(OFTEN - 1, true, 2 * late).contains(&true), "interrupted");
        assert_eq!(due(1, true, 2 * late), [true]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_leaves_a_processor_and_may_run_where_it_might_before() {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let all = sched_getaffinity(None).unwrap();
        let own = system::processor();
        let gone_to = system::leave(own);
        assert_eq!(gone_to.is_some_and(|processor| processor != own), all.count() > 1);
        assert_eq!(sched_getaffinity(None).unwrap(), all);

        let mut alone = CpuSet::new();
        alone.set(own);
        sched_setaffinity(None, &alone).unwrap();
        assert_eq!(system::leave(own), None, "there is no other");
        assert_eq!(sched_getaffinity(None).unwrap(), alone);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_runnable_threads_are_read_as_the_kernel_writes_them() {
        assert_eq!(system::runnable("0.20 0.18 0.12 3/80 11206\n"), Some(3));
        assert_eq!(
            system::runnable(&std::fs::read_to_string("/proc/loadavg").unwrap()).map(|count| count > 0),
            Some(true)
        );
        assert_eq!(system::runnable(""), None);
    }
}
