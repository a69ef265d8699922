import Koa = require('koa')
import session = require('./index')

/** See {@link session.imsession}. */
declare function imsession(app: Koa<any, any>, options?: session.ImSessionOptions | null): Koa.Middleware
declare function imsession(options?: session.ImSessionOptions | null): Koa.Middleware

/** `koa-session-native/imsession`: the names that koa-imsession exports. */
declare namespace imsession {
  /** The middleware under its name, for `import { imsession } from 'koa-session-native/imsession'`. */
  const imsession: typeof import('./imsession')

  export import RedisStore = session.RedisStore
  export import SessionIdResolver = session.SessionIdResolver
  export import TTL_MS = session.TTL_MS

  /**
   * What your sessions hold, for those who describe it here; that of `koa-session-native`, which types `ctx.session`, has
   * all that this one has.
   *
   * ```ts
   * declare module 'koa-session-native/imsession' {
   *   interface SessionData { user: string }
   * }
   * ```
   */
  interface SessionData {}

  export import SessionStore = session.SessionStore
  export import SessionOptions = session.ImSessionOptions
  export import CookieOptions = session.ImCookieOptions

  /**
   * Sessions in this process, as in {@link session.MemoryStore}, and answers with promises, as koa-imsession's does.
   * Outside tests the first one warns that it is for one process.
   */
  class MemoryStore {
    /** @throws a `TypeError` with code `ERR_SESSION_OPTION`. */
    constructor(options?: session.MemoryStoreOptions | null)
    /** The session, or `undefined` when there is none or its time is over. */
    get(id: string): Promise<any>
    /**
     * Keeps the session for `ttlMs` milliseconds; one day when it is not a positive finite number. Rejects with a
     * `TypeError` for what is no object, `ERR_SESSION_SERIALIZE` when JSON cannot hold it.
     */
    set(id: string, session: object, ttlMs?: number): Promise<void>
    /** Forgets the session; to forget what is not there is no error. */
    destroy(id: string): Promise<void>
  }
}

export = imsession
