//! Batches: commands that are asked for in one turn of the I/O thread travel as one pipeline.

use super::address::Place;
use super::link::Link;
use super::wire::{Pipeline, failure_of};
use super::{Answer, Ticket};
use crate::error::Error;
use redis::{Cmd, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::spawn;
use tokio::sync::oneshot;

/// The commands that wait for the next pipeline to one server.
pub struct Batch {
    pub link: Arc<Link>,
    pub place: Place,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    pipeline: Pipeline,
    /// Of each command in it, who waits for the reply.
    waiters: Vec<Waiter>,
}

/// The commands that there is room for at most, before they are there.
const MOST_ROOM: usize = 256;

impl Waiting {
    /// All that waits. There is room for as much again, within limits: to grow step by step would wait for the allocator's
    /// lock, which the event loop's thread needs for the same commands, at each step.
    fn take(&mut self) -> Self {
        let waiters = Vec::with_capacity(self.waiters.len().min(MOST_ROOM));
        std::mem::replace(self, Self { pipeline: self.pipeline.room_for_another(), waiters })
    }
}

/// Who waits for a reply.
pub enum Waiter {
    /// A submission that this one reply completes.
    Ticket(Ticket, fn(Value) -> Answer),
    /// A step of a longer piece of work.
    Step(oneshot::Sender<Result<Value, Error>>),
}

impl Waiter {
    fn answer(self, reply: Result<Value, Error>) {
        match self {
            Self::Ticket(ticket, read) => ticket.complete(reply.map(read)),
            // Nobody listens if the work was given up; the command has been carried out all the same.
            Self::Step(step) => drop(step.send(reply)),
        }
    }
}

impl Batch {
    pub fn new(link: Arc<Link>, place: Place) -> Arc<Self> {
        Arc::new(Self { link, place, waiting: Mutex::default() })
    }

    /// Queues a command; the first one of a batch sees to its sending.
    pub fn send(self: &Arc<Self>, command: Cmd, waiter: Waiter) {
        self.queue([(command, waiter)]);
    }

    /// Sends a command and waits for its reply.
    pub async fn ask(self: &Arc<Self>, command: Cmd) -> Result<Value, Error> {
        let (sender, reply) = oneshot::channel();
        self.queue([(command, Waiter::Step(sender))]);
        reply.await.unwrap_or_else(|_| Err(Error::Unreachable("the command was dropped".into())))
    }

    /// Sends a command directly behind another, whose own reply is not waited for.
    pub async fn ask_behind(self: &Arc<Self>, first: Cmd, command: Cmd) -> Result<Value, Error> {
        let ((ignored, _), (sender, reply)) = (oneshot::channel(), oneshot::channel());
        self.queue([(first, Waiter::Step(ignored)), (command, Waiter::Step(sender))]);
        reply.await.unwrap_or_else(|_| Err(Error::Unreachable("the command was dropped".into())))
    }

    fn queue<const N: usize>(self: &Arc<Self>, commands: [(Cmd, Waiter); N]) {
        let mut waiting = self.lock();
        if waiting.waiters.is_empty() {
            // The task runs behind all that are ready now: what they ask for travels along.
            spawn(self.clone().flush());
        }
        for (command, waiter) in commands {
            waiting.pipeline.add(&command);
            waiting.waiters.push(waiter);
        }
    }

    async fn flush(self: Arc<Self>) {
        let Waiting { pipeline, waiters } = self.lock().take();
        match self.link.run(pipeline).await {
            Ok(replies) => waiters.into_iter().zip(replies).for_each(|(waiter, reply)| {
                // An error reply fails its own command only.
                waiter.answer(failure_of(&reply).map_or(Ok(reply), Err));
            }),
            Err(error) => waiters.into_iter().for_each(|waiter| waiter.answer(Err(error.clone()))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
