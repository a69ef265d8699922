//! The Redis store's functions: submissions by number, completions in one list per wake-up.

use crate::direct::{Held, direct};
use crate::text::{Text, to_js};
use crate::wake::Wake;
use crate::{Answered, Status, answered, commit_of, scope, whole_ms};
use koa_session_engine::driver::Ticket;
use koa_session_engine::error::Error;
use koa_session_engine::store::Found;
use koa_session_engine::store::redis::{
    Answer, DRIVER, Event, Job, Options, POOL, Port, RedisStore, Request, SentinelOptions, TlsOptions,
};
use napi::bindgen_prelude::{Either, External, FromNapiValue, Function, ToNapiValue, Uint32ArraySlice};
use napi::{Env, Unknown, sys};
use napi_derive::napi;
use std::sync::Arc;

/// A store as one environment has it.
pub struct Handle {
    store: Arc<RedisStore>,
    port: Arc<Port>,
    /// What stands before every key.
    prefix: String,
}

type Store = External<Handle>;

/// One JavaScript environment's way to the I/O thread and back.
pub struct Environment {
    port: Arc<Port>,
    wake: Wake,
}

/// Joins this environment to the I/O thread; `on_wake` is called when completions wait to be taken.
#[napi(catch_unwind)]
pub fn io_open(env: Env, on_wake: Function<'static, (), Unknown<'static>>) -> napi::Result<External<Environment>> {
    let wake = Wake::new(&env, &on_wake)?;
    let port = Port::new(move || wake.call());
    // Deno's thread-safe functions go on saying Ok after their worker has ended, so the port must know by itself; and by a
    // hook of its own, since hooks run last first, and the other may have been there before the function.
    env.add_env_cleanup_hook(port.clone(), move |port| {
        port.close();
        wake.release();
    })?;
    scope::remember(&env, &port)?;
    Ok(External::new(Environment { port, wake }))
}

/// Wakes the I/O thread for what was submitted since the last call.
#[napi(catch_unwind)]
pub fn io_flush() {
    DRIVER.flush();
}

/// What of a completion is told, as bits beside its outcome; in this order.
#[napi]
pub enum Told {
    /// The lowest bits are the outcome's.
    Outcome = 15,
    Text = 16,
    /// An error's message: the submission has failed, unless its outcome is `Unremoved`.
    Error = 32,
    /// The key where the record is, if it was moved.
    Key = 64,
    /// The milliseconds that are left of the record.
    Ttl = 128,
}

direct! {
    /// Does pending work keep the process alive from now on?
    fn io_hold(env; environment: Held<Environment>, hold: bool) -> () {
        let Wake(raw) = environment.wake;
        // SAFETY: the thread-safe function lives as long as `environment` holds it, and this is the JavaScript thread of
        // its env, which is where these two may be called.
        unsafe {
            if hold {
                sys::napi_ref_threadsafe_function(env.raw(), raw);
            } else {
                sys::napi_unref_threadsafe_function(env.raw(), raw);
            }
        }
        Ok(())
    }

    /// The completions that wait, as many as there is room for in `told`: their count; and of each the submission's number
    /// and the bits of `Told`. What they say is returned, one behind the other. A store's events come under the number
    /// that it was opened with, their name as the text.
    fn io_take(_env; environment: Held<Environment>, told: Uint32ArraySlice) -> Vec<Either<Pooled, f64>> {
        let mut told = told;
        // SAFETY: it is JavaScript's for the length of this call, on this thread, and nothing in here runs JavaScript.
        let told = unsafe { told.as_mut() };
        Ok(tell(environment.port.take(told.len() / 2), told))
    }
}

/// Fills `told`, and returns what goes with it.
fn tell(done: Vec<(u32, Result<Answer, Error>)>, told: &mut [u32]) -> Vec<Either<Pooled, f64>> {
    let mut said = Vec::with_capacity(done.len());
    told[0] = done.len() as u32;
    let mut places = told[1..].chunks_exact_mut(2);
    for (id, result) in done {
        let mut ttl_ms = None;
        let Answered { status, text, error, key } = match result {
            Ok(Answer::Text(text)) => Answered { text, ..Answered::new(Status::Saved) },
            Ok(Answer::Found(None)) | Ok(Answer::Done) => Answered::new(Status::Saved),
            Ok(Answer::Found(Some(Found { text, ttl_ms: left, key }))) => {
                ttl_ms = Some(left as f64);
                Answered { text: Some(text), key, ..Answered::new(Status::Saved) }
            }
            Ok(Answer::Outcome(outcome)) => answered(outcome),
            Ok(Answer::Event(event)) => {
                let (name, error) = match event {
                    Event::Connecting => ("connecting", None),
                    Event::Connect => ("connect", None),
                    Event::Disconnect => ("disconnect", None),
                    Event::Reconnecting => ("reconnecting", None),
                    Event::Error(error) => ("error", Some(error)),
                };
                Answered { text: Some(name.to_owned()), error, ..Answered::new(Status::Saved) }
            }
            Err(error) => Answered { error: Some(error), ..Answered::new(Status::Saved) },
        };
        let told = |has: bool, what: Told| if has { what as u32 } else { 0 };
        let bits = told(text.is_some(), Told::Text)
            | told(error.is_some(), Told::Error)
            | told(key.is_some(), Told::Key)
            | told(ttl_ms.is_some(), Told::Ttl);
        if let Some(place) = places.next() {
            place.copy_from_slice(&[id, status as u32 | bits]);
        }
        let texts = [text, error.map(|error| error.to_string()), key];
        said.extend(texts.into_iter().flatten().map(|text| Either::A(Pooled(text))));
        said.extend(ttl_ms.map(Either::B));
    }
    said
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
    pub prefix: String,
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
pub fn redis_open(
    env: Env,
    environment: &External<Environment>,
    events: u32,
    options: RedisOptions,
) -> napi::Result<Store> {
    let RedisOptions { url, host, port, socket, username, password, db, prefix, cluster, sentinel, tls, .. } = options;
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
    let on_event = {
        let port = port.clone();
        move |event| port.complete(events, Ok(Answer::Event(event)))
    };
    let store = RedisStore::new(&options, on_event)
        .map_err(|invalid| napi::Error::from_reason(format!("{}: {}", invalid.option, invalid.accepted)))?;
    scope::remember(&env, &store)?;
    Ok(External::new(Handle { store, port, prefix }))
}

/// A text whose room comes from the pool or goes there, if it is short.
struct Pooled(String);

impl FromNapiValue for Pooled {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        // SAFETY: as the caller grants.
        unsafe { Text::within(|| POOL.take(), env, value) }.map(|Text(text)| Self(text))
    }
}

impl From<Pooled> for String {
    fn from(Pooled(text): Pooled) -> Self {
        text
    }
}

impl ToNapiValue for Pooled {
    unsafe fn to_napi_value(env: sys::napi_env, Self(text): Self) -> napi::Result<sys::napi_value> {
        // SAFETY: as the caller grants.
        let value = unsafe { to_js(env, &text) };
        POOL.give(text);
        value
    }
}

direct! {
    fn redis_load(_env; store: Held<Handle>, id: u32, key: Text) -> () {
        store.submit(id, Request::Load(store.key(key)));
        Ok(())
    }

    fn redis_find(_env; store: Held<Handle>, id: u32, key: Text) -> () {
        store.submit(id, Request::Find(store.key(key)));
        Ok(())
    }

    fn redis_set(_env; store: Held<Handle>, id: u32, key: Text, text: Pooled, ttl_ms: f64) -> () {
        store.submit(id, Request::Set(store.key(key), text.0, whole_ms(ttl_ms)));
        Ok(())
    }

    fn redis_commit(
        _env;
        store: Held<Handle>,
        id: u32,
        plan: u32,
        flags: u32,
        key: Text,
        new_key: Option<Text>,
        base: Option<Pooled>,
        text: Option<Pooled>,
        ttl_ms: f64,
        grace_ms: f64
    ) -> () {
        let (key, new_key) = (store.key(key), new_key.map(|key| store.key(key)));
        store.submit(id, Request::Commit(commit_of(plan, flags, key, new_key, base, text, ttl_ms, grace_ms)));
        Ok(())
    }
}

#[napi(catch_unwind)]
pub fn redis_destroy(store: &Store, id: u32, key: Text) {
    store.submit(id, Request::Destroy(store.key(key)));
}

#[napi(catch_unwind)]
pub fn redis_ping(store: &Store, id: u32) {
    store.submit(id, Request::Ping);
}

#[napi(catch_unwind)]
pub fn redis_close(store: &Store, id: u32) {
    store.submit(id, Request::Close);
}

impl Handle {
    fn key(&self, Text(key): Text) -> String {
        if self.prefix.is_empty() { key } else { [&self.prefix, key.as_str()].concat() }
    }

    fn submit(&self, id: u32, request: Request) {
        let ticket = Ticket::new(self.port.clone(), id);
        DRIVER.submit(Job { store: self.store.clone(), request, ticket });
    }
}
