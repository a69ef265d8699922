//! The Redis store's functions: submissions by number, completions in one list per wake-up.

use crate::{Status, commit_of, outcome_parts, thrown, whole_ms};
use koa_session_engine::driver::Ticket;
use koa_session_engine::store::redis::{Answer, DRIVER, Job, Options, Port, RedisStore, Request};
use napi::bindgen_prelude::{Either3, External, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Unknown, sys};
use napi_derive::napi;
use std::sync::Arc;

type Wake = ThreadsafeFunction<(), Unknown<'static>, (), napi::Status, false, true>;
type Store = External<Arc<RedisStore>>;

/// One JavaScript environment's way to the I/O thread and back.
pub struct Environment {
    port: Arc<Port>,
    wake: Arc<Wake>,
}

/// Joins this environment to the I/O thread; `on_wake` is called when completions wait to be taken.
#[napi(catch_unwind)]
pub fn io_open(env: Env, on_wake: Function<'static, (), Unknown<'static>>) -> napi::Result<External<Environment>> {
    let wake: Wake = on_wake.build_threadsafe_function::<()>().weak::<true>().build()?;
    let wake = Arc::new(wake);
    let caller = wake.clone();
    let port = Port::new(move || {
        caller.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    // Deno's thread-safe functions go on saying Ok after their worker has ended, so the port must know by itself.
    env.add_env_cleanup_hook(port.clone(), |port| port.close())?;
    Ok(External::new(Environment { port, wake }))
}

/// Does pending work keep the process alive from now on?
#[napi(catch_unwind)]
pub fn io_hold(env: Env, environment: &External<Environment>, hold: bool) {
    let raw = environment.wake.raw();
    // SAFETY: the thread-safe function lives as long as `environment` holds it, and #[napi] functions run on the
    // JavaScript thread of its env, which is where these two may be called.
    unsafe {
        if hold {
            sys::napi_ref_threadsafe_function(env.raw(), raw);
        } else {
            sys::napi_unref_threadsafe_function(env.raw(), raw);
        }
    }
}

/// Wakes the I/O thread for what was submitted since the last call.
#[napi(catch_unwind)]
pub fn io_flush() {
    DRIVER.flush();
}

/// The completions that wait, four fields each: the submission's number, the outcome (nothing for a failure), a
/// text, an error's message.
#[napi(catch_unwind)]
pub fn io_take(environment: &External<Environment>) -> Vec<Either3<u32, String, ()>> {
    let done = environment.port.take();
    let mut fields = Vec::with_capacity(done.len() * 4);
    let text = |text: Option<String>| text.map_or(Either3::C(()), Either3::B);
    for (id, result) in done {
        let (status, answer, error) = match result {
            Ok(Answer::Text(text)) => (Some(Status::Saved), text, None),
            Ok(Answer::Done) => (Some(Status::Saved), None, None),
            Ok(Answer::Outcome(outcome)) => {
                let (status, text, error) = outcome_parts(outcome);
                (Some(status), text, error)
            }
            Err(error) => (None, None, Some(error)),
        };
        let status = status.map_or(Either3::C(()), |status| Either3::A(status as u32));
        fields.extend([Either3::A(id), status, text(answer), text(error.map(|error| error.to_string()))]);
    }
    fields
}

/// A store on the Redis at `url`; it connects when it is first used.
#[napi(catch_unwind)]
pub fn redis_open(url: String, connect_timeout_ms: f64, command_timeout_ms: f64) -> napi::Result<Store> {
    let (connect_timeout_ms, command_timeout_ms) = (whole_ms(connect_timeout_ms), whole_ms(command_timeout_ms));
    RedisStore::new(Options { url, connect_timeout_ms, command_timeout_ms }).map(External::new).map_err(thrown)
}

#[napi(catch_unwind)]
pub fn redis_load(store: &Store, environment: &External<Environment>, id: u32, key: String) {
    submit(store, environment, id, Request::Load(key));
}

#[napi(catch_unwind)]
pub fn redis_set(store: &Store, environment: &External<Environment>, id: u32, key: String, text: String, ttl_ms: f64) {
    submit(store, environment, id, Request::Set(key, text, whole_ms(ttl_ms)));
}

#[napi(catch_unwind)]
pub fn redis_destroy(store: &Store, environment: &External<Environment>, id: u32, key: String) {
    submit(store, environment, id, Request::Destroy(key));
}

#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments)]
pub fn redis_commit(
    store: &Store,
    environment: &External<Environment>,
    id: u32,
    plan: u32,
    flags: u32,
    key: String,
    new_key: Option<String>,
    base: Option<String>,
    text: Option<String>,
    ttl_ms: f64,
) {
    let commit = commit_of(plan, flags, key, new_key, base, text, ttl_ms);
    submit(store, environment, id, Request::Commit(commit));
}

#[napi(catch_unwind)]
pub fn redis_ping(store: &Store, environment: &External<Environment>, id: u32) {
    submit(store, environment, id, Request::Ping);
}

#[napi(catch_unwind)]
pub fn redis_close(store: &Store, environment: &External<Environment>, id: u32) {
    submit(store, environment, id, Request::Close);
}

fn submit(store: &Store, environment: &External<Environment>, id: u32, request: Request) {
    let ticket = Ticket::new(environment.port.clone(), id);
    DRIVER.submit(Job { store: Arc::clone(store), request, ticket });
}
