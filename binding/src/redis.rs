//! The Redis store's functions: submissions by number, completions in one list per wake-up.

use crate::{Status, Told, commit_of, told, whole_ms};
use koa_session_engine::driver::Ticket;
use koa_session_engine::store::Found;
use koa_session_engine::store::redis::{
    Answer, DRIVER, Event, Job, Options, Port, RedisStore, Request, SentinelOptions, TlsOptions,
};
use napi::bindgen_prelude::{Either4, External, Function};
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

/// The completions that wait, six fields each: the submission's number, the outcome (nothing for a failure), a text, an
/// error's message, the key where the record is if it was moved, the milliseconds that are left of it. A store's events
/// come under the number that it was opened with, their name as the text.
#[napi(catch_unwind)]
pub fn io_take(environment: &External<Environment>) -> Vec<Either4<u32, String, f64, ()>> {
    let done = environment.port.take();
    let mut fields = Vec::with_capacity(done.len() * 6);
    let field = |text: Option<String>| text.map_or(Either4::D(()), Either4::B);
    for (id, result) in done {
        let mut left = None;
        let (status, text, error, key) = match result {
            Ok(Answer::Text(text)) => (Some(Status::Saved), text, None, None),
            Ok(Answer::Found(None)) | Ok(Answer::Done) => (Some(Status::Saved), None, None, None),
            Ok(Answer::Found(Some(Found { text, ttl_ms, key }))) => {
                left = Some(ttl_ms as f64);
                (Some(Status::Saved), Some(text), None, key)
            }
            Ok(Answer::Outcome(outcome)) => {
                let Told { status, text, error, key } = told(outcome);
                (Some(status), text, error, key)
            }
            Ok(Answer::Event(event)) => {
                let (name, error) = match event {
                    Event::Connecting => ("connecting", None),
                    Event::Connect => ("connect", None),
                    Event::Disconnect => ("disconnect", None),
                    Event::Reconnecting => ("reconnecting", None),
                    Event::Error(error) => ("error", Some(error)),
                };
                (None, Some(name.to_owned()), error, None)
            }
            Err(error) => (None, None, Some(error), None),
        };
        let status = status.map_or(Either4::D(()), |status| Either4::A(status as u32));
        let message = field(error.map(|error| error.to_string()));
        let left = left.map_or(Either4::D(()), Either4::C);
        fields.extend([Either4::A(id), status, field(text), message, field(key), left]);
    }
    fields
}

/// `engine::store::redis::Options`, as JavaScript gives them.
#[napi(object, object_to_js = false)]
pub struct RedisOptions {
    pub url: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub socket: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub db: Option<i64>,
    pub cluster: Option<Vec<String>>,
    pub sentinel: Option<RedisSentinel>,
    pub tls: Option<RedisTls>,
    pub connect_timeout_ms: f64,
    pub command_timeout_ms: f64,
}

#[napi(object, object_to_js = false)]
pub struct RedisSentinel {
    pub master: Option<String>,
    pub nodes: Option<Vec<String>>,
    pub username: Option<String>,
    pub password: Option<String>,
}

#[napi(object, object_to_js = false)]
pub struct RedisTls {
    pub ca: Option<String>,
    pub cert: Option<String>,
    pub key: Option<String>,
    pub servername: Option<String>,
    pub reject_unauthorized: Option<bool>,
}

/// A store that connects when it is first used; its events come under the number `events`. An option that could never
/// work is thrown as `name: what is accepted`.
#[napi(catch_unwind)]
pub fn redis_open(environment: &External<Environment>, events: u32, options: RedisOptions) -> napi::Result<Store> {
    let RedisOptions { url, host, port, socket, username, password, db, cluster, sentinel, tls, .. } = options;
    let options = Options {
        url,
        host,
        port,
        socket,
        username,
        password,
        db,
        cluster,
        sentinel: sentinel.map(|RedisSentinel { master, nodes, username, password }| SentinelOptions {
            master: master.unwrap_or_default(),
            nodes: nodes.unwrap_or_default(),
            username,
            password,
        }),
        tls: tls.map(|RedisTls { ca, cert, key, servername, reject_unauthorized }| TlsOptions {
            ca,
            cert,
            key,
            servername,
            reject_unauthorized: reject_unauthorized.unwrap_or(true),
        }),
        connect_timeout_ms: whole_ms(options.connect_timeout_ms),
        command_timeout_ms: whole_ms(options.command_timeout_ms),
    };
    let port = environment.port.clone();
    let store = RedisStore::new(&options, move |event| port.complete(events, Ok(Answer::Event(event))));
    store
        .map(External::new)
        .map_err(|invalid| napi::Error::from_reason(format!("{}: {}", invalid.option, invalid.accepted)))
}

#[napi(catch_unwind)]
pub fn redis_load(store: &Store, environment: &External<Environment>, id: u32, key: String) {
    submit(store, environment, id, Request::Load(key));
}

#[napi(catch_unwind)]
pub fn redis_find(store: &Store, environment: &External<Environment>, id: u32, key: String) {
    submit(store, environment, id, Request::Find(key));
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
    grace_ms: f64,
) {
    let commit = commit_of(plan, flags, key, new_key, base, text, ttl_ms, grace_ms);
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
