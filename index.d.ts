import { EventEmitter } from 'node:events'
import Koa = require('koa')
import type im = require('./imsession')

/**
 * Session middleware for Koa; with no options, sessions live in a new {@link session.MemoryStore}.
 *
 * @throws a `TypeError` with code `ERR_SESSION_OPTION` for a value that could never work.
 */
declare function session(options?: session.SessionOptions | session.Default): Koa.Middleware

declare namespace session {
  /** The middleware under its name, for `import { session } from 'koa-session-native'`. */
  const session: typeof import('./index')

  /** Where an option is `undefined`, `null` or another falsy value, its default holds. */
  type Default = false | 0 | '' | null | undefined

  /**
   * What your sessions hold. Empty as it comes, and `ctx.session` is `any`; describe it once, and it is typed. A new
   * session is `{}`, so its members are optional:
   *
   * ```ts
   * declare module 'koa-session-native' {
   *   interface SessionData { user?: string }
   * }
   * ```
   */
  interface SessionData extends im.SessionData {}

  interface SessionOptions {
    /**
     * Name of the session cookie, and prefix of the store keys (`key + ':' + session id`).
     *
     * Default `'koa:sess'`. Anything but a string that can name a cookie is `ERR_SESSION_OPTION`.
     */
    key?: string | Default

    /**
     * Where sessions are kept: a {@link MemoryStore}, a {@link RedisStore}, or any object with `get`, `set` and
     * `destroy`.
     *
     * Default: a new `MemoryStore`. A store that lacks one of the three is `ERR_SESSION_OPTION`.
     */
    store?: Store | Default

    /**
     * Attributes of the session cookie, or a function of the context that returns them. The function is called only
     * when a session is saved or deleted, once the handlers are done.
     *
     * Default: the defaults of {@link CookieOptions}. A bad value is `ERR_SESSION_OPTION`: thrown when the middleware
     * is made, or, returned by the function, when the session is saved and before anything is written.
     */
    cookie?: CookieOptions | ((ctx: Koa.Context) => CookieOptions | Default) | Default

    /**
     * Whether the id of a cookie that the store does not know may become the id of a new session.
     *
     * Default `false`: the first write gets a fresh id, so that nobody can plant one (session fixation). Set it only
     * while koa-session-minimal serves the same users: that one answers before it has written. No value is an error.
     */
    adoptUnknownIds?: boolean | Default

    /**
     * What happens when another request has saved the session since this one loaded it. `'merge'`: each keeps what it
     * changed. `'overwrite'`: the later write wins; needs no scripts on the Redis server, but for `update`.
     *
     * Default `'merge'`. Anything else is `ERR_SESSION_OPTION`.
     */
    conflict?: 'merge' | 'overwrite' | Default

    /**
     * Milliseconds that each call of a store of your own may take; past them the request fails with
     * `ERR_SESSION_STORE`. While the event loop is blocked no more than a quarter of them passes. `RedisStore` has
     * timeouts of its own.
     *
     * Default 10000. Anything but a number of at least 1 is `ERR_SESSION_OPTION`.
     */
    storeTimeoutMs?: number | Default

    /**
     * Told of each failure of the store, before it fails the request. When loading fails (`operation` is `'load'`) it
     * may return `'anonymous'` to go on with an empty session that is not saved; otherwise, and when a commit fails,
     * the error is thrown. What it throws takes the error's place.
     *
     * Default: none. Anything but a function is `ERR_SESSION_OPTION`.
     */
    onStoreError?: ((error: Error, operation: 'load' | 'commit', ctx: Koa.Context) => 'anonymous' | void | Promise<'anonymous' | void>) | Default
  }

  /**
   * Attributes of the session cookie: those of the `cookies` module, with the defaults given here. That module's own
   * `TypeError`, for a `path`, `domain`, `sameSite` or `priority` that no cookie can have, fails the save before anything
   * is written.
   */
  interface CookieOptions {
    /**
     * Milliseconds that cookie and record live, counted from the last save.
     *
     * Default 0, also for a negative number and `NaN`: the cookie goes when the browser closes, the record one day
     * after the last save. `Infinity` or a string is `ERR_SESSION_OPTION`.
     */
    maxAge?: number | null | undefined
    /** When the cookie expires, where `maxAge` is 0; the record still lives one day. Default: with the browser. */
    expires?: Date | undefined
    /** Of the pages that get the cookie. Default `'/'`. */
    path?: string | undefined
    /** Whose hosts get the cookie. Default: the host alone that set it. */
    domain?: string | undefined
    /**
     * Whether the cookie travels over HTTPS alone. Default: whether this request did. `true` on a plain HTTP request
     * fails the save; behind a proxy that ends HTTPS set `app.proxy = true`.
     */
    secure?: boolean | undefined
    /** Whether the cookie is hidden from the page's JavaScript. Default `true`. */
    httpOnly?: boolean | undefined
    /** `true` means `'strict'`. Default `false`: the attribute is not sent. */
    sameSite?: 'strict' | 'lax' | 'none' | boolean | undefined
    /** Whether an embedded page gets a cookie jar for each site that embeds it (CHIPS). Default `false`. */
    partitioned?: boolean | undefined
    /** Which cookies a browser that has too many of a site drops last. Default: the attribute is not sent. */
    priority?: 'low' | 'medium' | 'high' | undefined
    /** Accepted and ignored: the session cookie always replaces one of its name set before. */
    overwrite?: boolean | undefined
    /** Accepted and ignored: the id is random and needs no signature. */
    signed?: boolean | undefined
    /** @deprecated Use `secure`. */
    secureProxy?: boolean | undefined
  }

  /**
   * A store of your own, or one of those made for koa-generic-session and koa-session-minimal. Its methods return plain
   * values, promises, thunks (`(done) => void`) or generators, or are async functions. An error fails the request.
   */
  interface Store {
    /** The session under this store key; anything but an object means that there is none. */
    get(key: string): unknown
    /** Keeps the session for `ttl` milliseconds. */
    set(key: string, session: any, ttl: number): unknown
    /** Forgets the session; to forget what is not there is no error. */
    destroy(key: string): unknown
  }

  /**
   * koa-imsession's middleware: sessions that are replaced and never changed in place. `ctx.session` is `null` where there
   * is none; assign a new object to log in or to save, `null`, `undefined` or `false` to destroy, `true` for a new id.
   * With `app` given, `ctx.session` is `null` also before the middleware has run.
   *
   * @throws a `TypeError` with code `ERR_SESSION_OPTION` for a value that could never work, an `Error` for a second
   * install on the app.
   */
  function imsession(app: Koa<any, any>, options?: ImSessionOptions | null): Koa.Middleware
  function imsession(options?: ImSessionOptions | null): Koa.Middleware

  /** `undefined` and `null` mean the default. */
  interface ImSessionOptions {
    /**
     * Name of the session cookie.
     *
     * Default `'connsid'`. Anything but a string that can name a cookie is `ERR_SESSION_OPTION`.
     */
    name?: string | null | undefined
    /**
     * Where sessions are kept, under their ids alone.
     *
     * Default: a new `MemoryStore`, which warns that it is for one process. A store that lacks `get`, `set` or `destroy`
     * is `ERR_SESSION_OPTION`.
     */
    store?: Store | null | undefined
    /**
     * Where ids come from and go to.
     *
     * Default: a {@link SessionIdResolver} of `name` and `cookie`. One that lacks `get`, `set` or `generate` is
     * `ERR_SESSION_OPTION`.
     */
    idResolver?: IdResolver | null | undefined
    /**
     * Attributes of the session cookie.
     *
     * Default: those of `idResolver`, where it has any. Anything but an object is `ERR_SESSION_OPTION`.
     */
    cookie?: ImCookieOptions | null | undefined
    /**
     * Whether loaded objects are deeply frozen. `false` also keeps requests from sharing one object while the stored
     * text is the same.
     *
     * Default: yes, except in production those of JavaScript stores, which are never shared. Anything but `true` and
     * `false` is `ERR_SESSION_OPTION`.
     */
    frozen?: boolean | null | undefined
    /**
     * Milliseconds for which the old id leads to the new one after `ctx.session = true`; for a renewal these are 10000.
     *
     * Default 0. Anything but a whole number from 0 to 2147483647 is `ERR_SESSION_OPTION`.
     */
    regenerateGraceMs?: number | null | undefined
    /** See {@link SessionOptions.conflict}. Default `'merge'`. Anything else is `ERR_SESSION_OPTION`. */
    conflict?: 'merge' | 'overwrite' | null | undefined
    /**
     * Milliseconds: see {@link SessionOptions.storeTimeoutMs}. Default 10000. Anything but a number of at least 1 is
     * `ERR_SESSION_OPTION`.
     */
    storeTimeoutMs?: number | null | undefined
  }

  /** Attributes of imsession's cookie: those of the `cookies` module. */
  interface ImCookieOptions extends Omit<CookieOptions, 'maxAge' | 'expires' | 'signed'> {
    /**
     * Milliseconds that the cookie lives, counted from the last save; the record lives 10 seconds longer. A session
     * whose record has less than a third of it left when it is loaded is renewed: never, where it is 30 s or less.
     *
     * Default: until `expires`, or one day; also for 0. `Infinity` or a string is `ERR_SESSION_OPTION`.
     */
    maxAge?: number | null | undefined
    /** When the cookie expires, where `maxAge` is not given. Default: after `maxAge`. */
    expires?: Date | string | number | undefined
    /** Whether the cookie is signed with `app.keys`. Default `false`. */
    signed?: boolean | undefined
  }

  /** Where a request's id comes from and goes to. Each method may be async. */
  interface IdResolver {
    /** The id that the request brings; anything but a string is none. */
    get(ctx: Koa.Context): unknown
    /** Sends the id, or with `null` tells the client to forget it. Called once the store has written. */
    set(ctx: Koa.Context, id: string | null): unknown
    /** A new id; called again when it is taken. */
    generate(ctx: Koa.Context): string | Promise<string>
  }

  /**
   * Keeps the id in a cookie. Of what a cookie brings, only 32 lower-case hex digits reach a store of ours, and 1 to 128
   * of `A-Z a-z 0-9 _ -` a JavaScript one; a subclass with a `get` of its own decides for itself what an id is.
   */
  class SessionIdResolver implements IdResolver {
    /**
     * `name` is that of the cookie, by default `'connsid'`, and `cookie` its attributes.
     *
     * @throws a `TypeError` with code `ERR_SESSION_OPTION` for what can name no cookie, and for a bad `maxAge`.
     */
    constructor(options?: { name?: string | undefined, cookie?: ImCookieOptions | undefined })
    name: string
    cookie: ImCookieOptions | undefined
    get(ctx: Koa.Context): string | null | undefined | Promise<string | null | undefined>
    set(ctx: Koa.Context, id: string | null): void | Promise<void>
    /** 32 lower-case hex digits. */
    generate(ctx: Koa.Context): string | Promise<string>
  }

  /**
   * A symbol under which what a JavaScript store's `get` returns may tell the milliseconds that are left of it: then
   * imsession renews it in time. `MemoryStore` and `RedisStore` need none.
   */
  const TTL_MS: unique symbol

  /** A store for imsession, as koa-imsession describes it. */
  interface SessionStore<T extends object = any> {
    /** The session of this id; anything but an object means that there is none. */
    get(id: string): Promise<(T & { [TTL_MS]?: number }) | null | undefined>
    /** Keeps the session for `ttlMs` milliseconds. */
    set(id: string, data: T, ttlMs: number): Promise<void>
    /** Forgets the session; to forget what is not there is no error. */
    destroy(id: string): Promise<void>
  }

  /** `ctx.sessionHandler` */
  interface SessionHandler {
    /** Moves the session to a new id when it is saved, data and all: call it whenever somebody logs in. */
    regenerateId(): void

    /**
     * Reads, changes and writes the session as one step, for what merging cannot decide (counters, lists). `change`
     * gets the freshest session and alters it or returns the new one (`null` destroys); it may be async, and is run
     * again when another request was faster. Creates a session where there is none. It must not call `update` or `save`.
     * Afterwards `ctx.session` has the outcome. What is in it may be other objects than before, and so may the session
     * itself, where it was assigned in this request, or has ended in it and is a JavaScript store's: no object of the
     * application's is changed.
     *
     * Rejects with `ERR_SESSION_STORE` when the store fails or others were faster 64 times, with
     * `ERR_SESSION_SERIALIZE` when JSON cannot hold the result, with `ERR_SESSION_GONE` when the session has ended
     * meanwhile, and with what `change` throws.
     */
    update(change: (session: LiveSession) => Updated | Promise<Updated>): Promise<void>

    /**
     * Saves now what has changed, before the response: for streams and long requests. What changes later is saved at
     * the end as usual. Rejects with `ERR_SESSION_STORE` or `ERR_SESSION_SERIALIZE`.
     */
    save(): Promise<void>
  }

  interface MemoryStoreOptions {
    /**
     * One store for all threads of the process: stores that are made with the same name, in whatever worker thread, hold
     * the same sessions, which live until the process ends. Default: none, a store of its own. Anything but a string
     * with something in it is `ERR_SESSION_OPTION`, and so is a `maxBytes` other than that of the store of this name.
     */
    name?: string | null | undefined

    /**
     * Bytes that the sessions may take; past them the least recently used go, and one warning is emitted.
     *
     * Default 268435456 (256 MiB). Anything but a number of at least 1 is `ERR_SESSION_OPTION`.
     */
    maxBytes?: number | null | undefined
  }

  /**
   * Sessions in this process, outside the JavaScript heap, as JSON: what `get` returns is a copy. They end with the
   * process, and no other process sees them.
   */
  class MemoryStore {
    /** @throws a `TypeError` with code `ERR_SESSION_OPTION`. */
    constructor(options?: MemoryStoreOptions | null)
    /** The session, or `undefined` when there is none or its time is over. */
    get(key: string): any
    /**
     * Keeps the session for `ttl` milliseconds; one day when `ttl` is not a positive finite number.
     *
     * @throws `ERR_SESSION_SERIALIZE` when JSON cannot hold it, `ERR_SESSION_STORE` when it alone is over `maxBytes`.
     */
    set(key: string, session: any, ttl?: unknown): void
    /** Forgets the session; to forget what is not there is no error. */
    destroy(key: string): void
  }

  /** Anything that could never work is `ERR_SESSION_OPTION`, which names the option and never shows a password. */
  interface RedisStoreOptions {
    /**
     * `redis://`, `rediss://` (TLS), `unix://path` or `redis+unix://path`, with `[user][:password@]host[:port][/database]`.
     * At most one of `url`, `host` (or `port`), `socket`, `cluster` and `sentinel` is given.
     *
     * Default `'redis://127.0.0.1:6379'`.
     */
    url?: string | null | undefined
    /** Name or address of the server. Default `'127.0.0.1'`. */
    host?: string | null | undefined
    /** A whole number from 1 to 65535. Default 6379. */
    port?: number | null | undefined
    /** The path of a unix socket. Default: none, TCP. */
    socket?: string | null | undefined
    /** The ACL user. Default: the server's default user. */
    username?: string | null | undefined
    /** That of `username`, or of the server's `requirepass`. Default: none. */
    password?: string | null | undefined
    /** The number of the database. Default 0; a cluster has no other. */
    db?: number | null | undefined
    /**
     * Addresses (as in `url`) of some nodes of a Redis or Valkey Cluster; the others are found from there.
     *
     * Default: none, a single server.
     */
    cluster?: string[] | null | undefined
    /** The master is the one that these sentinels name, now and after each failover. Default: none, a single server. */
    sentinel?: RedisSentinelOptions | null | undefined
    /** Talk TLS; `rediss://` alone does so with the defaults. Default: plain text. */
    tls?: RedisTlsOptions | null | undefined
    /** Set before every key. Default `''`: the keys that koa-redis writes. */
    prefix?: string | null | undefined
    /** Milliseconds that connecting may take, the login included. Default 2000. */
    connectTimeoutMs?: number | null | undefined
    /**
     * Milliseconds from the sending of a command to its reply. While the process stands still no more than a quarter of
     * them passes. Default 1000.
     */
    commandTimeoutMs?: number | null | undefined
    /**
     * Commands that may wait for their answer; those past them are refused at once with `ERR_SESSION_STORE`.
     *
     * Default 10000.
     */
    maxPending?: number | null | undefined
  }

  interface RedisSentinelOptions {
    /** The name that the sentinels know the master by. */
    master: string
    /** Addresses of the sentinels, as in `url`. */
    nodes: string[]
    /** The ACL user of the sentinels themselves; that of the master stands beside `sentinel`. Default: their default user. */
    username?: string | null | undefined
    /** That of the sentinels' `username`. Default: none. */
    password?: string | null | undefined
  }

  /** Certificates and keys are PEM text, or the path of a file. */
  interface RedisTlsOptions {
    /** The authorities to trust. Default: the system's. */
    ca?: string | Buffer | null | undefined
    /** Our own certificate, for a server that asks for one. Default: none. */
    cert?: string | Buffer | null | undefined
    /** The private key of `cert`. Default: none. */
    key?: string | Buffer | null | undefined
    /** The name that the server's certificate must hold. Default: the host. */
    servername?: string | null | undefined
    /** Whether a server that is not trusted is refused. Default `true`. */
    rejectUnauthorized?: boolean | null | undefined
  }

  /**
   * Sessions on Redis or Valkey, under the keys and in the JSON of koa-session-minimal with koa-redis. Connects when it
   * is first used; idle, it does not keep the process alive. Also a store for koa-session-minimal, koa-generic-session
   * and koa-session. All its promises reject with `ERR_SESSION_STORE` when Redis does not answer in time or refuses;
   * while it is down they do so at once.
   *
   * Events: `connect`; `disconnect`; `error` (with a {@link SessionError}; needs no listener); `reconnecting`.
   */
  class RedisStore extends EventEmitter {
    /** @throws a `TypeError` with code `ERR_SESSION_OPTION`. */
    constructor(options?: RedisStoreOptions | null)
    /**
     * `'idle'` until it begins to connect, `'connecting'` for the first time, `'ready'`, `'down'` until it is ready again,
     * `'closed'`. A cluster is ready as long as one of its nodes is.
     */
    readonly status: 'idle' | 'connecting' | 'ready' | 'down' | 'closed'
    /** The session, or `undefined` when there is none. */
    get(key: string): Promise<any>
    /**
     * Keeps the session for `ttl` milliseconds; one day when `ttl` is not a positive finite number. Rejects with
     * `ERR_SESSION_SERIALIZE` when JSON cannot hold it, and with a `TypeError` when it is no object.
     */
    set(key: string, session: any, ttl?: unknown): Promise<void>
    /** Forgets the session; to forget what is not there is no error. */
    destroy(key: string): Promise<void>
    /** Whether the server answers; of a cluster, every master. Rejects with `ERR_SESSION_STORE` when not. */
    ping(): Promise<void>
    /** Lets pending commands end, then disconnects; commands given later are refused. */
    close(): Promise<void>
  }

  /** An error of this package; no message holds a session id or session data. */
  interface SessionError extends Error {
    /**
     * - `ERR_SESSION_STORE`: the store could not be reached, took too long or refused. `status` 503.
     * - `ERR_SESSION_SERIALIZE`: JSON cannot hold the session; the message names the path. `status` 500.
     * - `ERR_SESSION_GONE`: the session to be updated was destroyed, regenerated or expired. `status` 409.
     * - `ERR_SESSION_OPTION`: a `TypeError`; the message names option, value and what is accepted. `status` 500.
     *
     * `require` itself throws `ERR_SESSION_PLATFORM`, without a `status`, where no binary fits.
     */
    code: 'ERR_SESSION_STORE' | 'ERR_SESSION_SERIALIZE' | 'ERR_SESSION_GONE' | 'ERR_SESSION_OPTION'
    /** What Koa answers with; its clients see the status in words, and not the message. */
    status: 409 | 500 | 503
    /** With `ERR_SESSION_STORE`, the `retry-after` that Koa sends along. */
    headers?: { 'retry-after': string }
  }

  type LiveSession = keyof SessionData extends never ? any : SessionData
  type Updated = LiveSession | null | void

  /**
   * What the middleware puts on Koa's context, where it is declared already; for an app with a context type of its own:
   * `new Koa<MyState, MyContext & session.SessionContext>()`.
   */
  type SessionContext = ContextSession & {
    readonly sessionHandler: ContextSessionHandler
  }

  /**
   * `session()` gives an object at all times, `{}` where there is no session; assign `null` to destroy it, and an
   * object to replace it. `imsession()` gives `null` where there is none, and takes `true`, `false` and `undefined` too.
   * Typed by {@link SessionData}.
   */
  type ContextSession = keyof SessionData extends never ? { session?: any } : {
    get session(): SessionData | null
    set session(session: SessionData | boolean | null | undefined)
  }

  // @types/koa-session-minimal gives Koa.Context a sessionHandler without update and save, which must be assignable to
  // this one wherever it is present: where Koa.Context's session is `any` and not optional, as none of ours is.
  type ContextSessionHandler = 0 extends 1 & Koa.Context['session']
    ? {} extends Pick<Koa.Context, 'session'> ? SessionHandler : Pick<SessionHandler, 'regenerateId'>
    : SessionHandler
}

declare module 'koa' {
  interface DefaultContext extends session.SessionContext {}
}

export = session
