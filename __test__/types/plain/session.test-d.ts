// SessionData as it comes, a CommonJS module.
import Koa from 'koa'
import session from 'koa-session-native'
import required = require('koa-session-native')
import { imsession, MemoryStore, RedisStore, session as named, SessionIdResolver, TTL_MS } from 'koa-session-native'
import type {
  CookieOptions, RedisStoreOptions, SessionContext, SessionError, SessionHandler, SessionOptions, Store
} from 'koa-session-native'
import { expectTypeOf } from 'expect-type'

expectTypeOf<typeof session>().toEqualTypeOf<typeof required>()
expectTypeOf<typeof session.session>().toEqualTypeOf<typeof session>()
expectTypeOf<typeof named>().toEqualTypeOf<typeof session>()
expectTypeOf<typeof session.imsession>().toEqualTypeOf<typeof imsession>()
expectTypeOf<typeof session.SessionIdResolver>().toEqualTypeOf<typeof SessionIdResolver>()
expectTypeOf<typeof session.TTL_MS>().toEqualTypeOf<typeof TTL_MS>()
expectTypeOf<typeof session.MemoryStore>().toEqualTypeOf<typeof MemoryStore>()
expectTypeOf<typeof required.RedisStore>().toEqualTypeOf<typeof RedisStore>()
expectTypeOf<ReturnType<typeof session>>().toEqualTypeOf<Koa.Middleware>()

// options: each one, none, and what counts as none
const app = new Koa()
app.use(session())
app.use(session(null))
app.use(session({}))
app.use(session({ key: undefined, store: null, cookie: false, adoptUnknownIds: 0, conflict: '' }))
app.use(session({ key: 'sid', store: new MemoryStore(), adoptUnknownIds: true, conflict: 'overwrite', storeTimeoutMs: 500 }))
app.use(session({ cookie: { maxAge: 1000, path: '/', domain: 'example.org', secure: true, httpOnly: false } }))
app.use(session({ cookie: { sameSite: 'lax', partitioned: true, priority: 'high', expires: new Date() } }))
app.use(session({ cookie: ctx => ({ maxAge: ctx.session.user ? 1000 : 0, secure: ctx.secure }) }))
app.use(session({ cookie: () => undefined }))
app.use(session({ onStoreError: () => 'anonymous' }))
app.use(session({ onStoreError: async () => {} }))
app.use(session({
  onStoreError: (error, operation, ctx) => {
    expectTypeOf<typeof error>().toEqualTypeOf<Error>()
    expectTypeOf<typeof operation>().toEqualTypeOf<'load' | 'commit'>()
    if (operation === 'load' && ctx.path === '/') return 'anonymous'
  }
}))
const options: SessionOptions = { conflict: 'merge' }
app.use(session(options))

// @ts-expect-error: a key is a string
session({ key: 1 })
// @ts-expect-error: no such option
session({ rolling: true })
// @ts-expect-error: maxAge is a number of milliseconds
session({ cookie: { maxAge: '1h' } })
// @ts-expect-error: no such value
session({ cookie: { sameSite: 'loose' } })
// @ts-expect-error: the function returns an object
session({ cookie: () => 1 })
// @ts-expect-error: a cookie function that is async cannot be waited for
session({ cookie: async () => ({ maxAge: 1 }) })
// @ts-expect-error: no such way
session({ conflict: 'ours' })
// @ts-expect-error: a store has destroy too
session({ store: { get () {}, set () {} } })
// @ts-expect-error: no such way on
session({ onStoreError: () => 'ignore' })

// what the cookies module takes, the session's cookie takes
const forwarded: CookieOptions = {} as NonNullable<Parameters<Koa.Context['cookies']['set']>[2]>
session({ cookie: forwarded })

// stores of all kinds
session({ store: { get: () => ({}), set: () => {}, destroy: () => {} } })
session({ store: { get: async () => ({}), set: async () => {}, destroy: async () => {} } })
session({ store: { * get () { return {} }, * set () {}, * destroy () {} } })
session({
  store: {
    get: (key: string) => (done: (error: unknown, result?: object) => void) => done(null, { key }),
    set: (key: string, value: object, ttl: number) => (done: (error?: unknown) => void) => done(),
    destroy: (key: string) => (done: (error?: unknown) => void) => done()
  }
})
class Own implements Store {
  async get (key: string) { return { key } }
  async set (key: string, value: unknown, ttl: number) {}
  async destroy (key: string) {}
}
session({ store: new Own() })

const memory = new MemoryStore({ maxBytes: 1024 })
new MemoryStore()
new MemoryStore(null)
expectTypeOf<ReturnType<typeof memory.get>>().toEqualTypeOf<any>()
expectTypeOf<ReturnType<typeof memory.set>>().toEqualTypeOf<void>()
memory.set('key', { a: 1 })
memory.set('key', { a: 1 }, 'session')
// @ts-expect-error: bytes are a number
new MemoryStore({ maxBytes: '1 MB' })

const redis = new RedisStore({ url: 'redis://127.0.0.1:6379/1', prefix: 'a:', commandTimeoutMs: 500 })
expectTypeOf<ReturnType<typeof redis.get>>().toEqualTypeOf<Promise<any>>()
expectTypeOf<ReturnType<typeof redis.set>>().toEqualTypeOf<Promise<void>>()
expectTypeOf<ReturnType<typeof redis.close>>().toEqualTypeOf<Promise<void>>()
expectTypeOf<ReturnType<typeof redis.ping>>().toEqualTypeOf<Promise<void>>()
expectTypeOf<typeof redis.status>().toEqualTypeOf<'idle' | 'connecting' | 'ready' | 'down' | 'closed'>()
redis.on('error', (error: SessionError) => error.code)
// @ts-expect-error: told by the store alone
redis.status = 'ready'
const servers: RedisStoreOptions[] = [
  {},
  { host: 'db', port: 6380, username: 'app', password: 'secret', db: 1 },
  { socket: '/run/redis.sock', connectTimeoutMs: 100, maxPending: 10 },
  { cluster: ['redis://10.0.0.1', 'redis://10.0.0.2'], tls: { ca: '/etc/ca.pem', rejectUnauthorized: true } },
  { sentinel: { master: 'main', nodes: ['redis://10.0.0.1'], password: 'secret' }, tls: { cert: Buffer.from(''), key: '' } }
]
servers.forEach(server => new RedisStore(server))
new RedisStore()
new RedisStore(null)
// @ts-expect-error: sentinels have to know the master's name
new RedisStore({ sentinel: { nodes: ['redis://10.0.0.1'] } })
// @ts-expect-error: a prefix is a string
new RedisStore({ url: 'redis://127.0.0.1', prefix: 1 })
class Audited extends RedisStore {
  override async destroy (key: string) { await super.destroy(key) }
}
session({ store: new Audited({ url: 'redis://127.0.0.1' }) })

// ctx, in handlers and as Koa.Context
app.use(async ctx => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<any>()
  expectTypeOf<typeof ctx.sessionHandler>().toEqualTypeOf<SessionHandler>()
  ctx.session.count = (ctx.session.count || 0) + 1
  ctx.session = null
  delete ctx.session
  const { regenerateId } = ctx.sessionHandler
  expectTypeOf<ReturnType<typeof regenerateId>>().toEqualTypeOf<void>()
  expectTypeOf<Promise<void>>().toEqualTypeOf<ReturnType<typeof ctx.sessionHandler.save>>()
  await ctx.sessionHandler.update(found => { found.count++ })
  await ctx.sessionHandler.update(async found => ({ ...found, count: 1 }))
  await ctx.sessionHandler.update(() => null)
  // @ts-expect-error: no such method
  ctx.sessionHandler.destroy()
  // @ts-expect-error: the handler is not to be replaced
  ctx.sessionHandler = { regenerateId }
})
const handle = (ctx: Koa.Context) => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<any>()
  expectTypeOf<typeof ctx.sessionHandler>().toEqualTypeOf<SessionHandler>()
}
app.use(handle)

// an app with a context type of its own
const own = new Koa<Koa.DefaultState, { mine: number } & SessionContext>()
own.use(session())
own.use(ctx => { ctx.session.count = ctx.mine; ctx.sessionHandler.regenerateId() })

const answer = (error: SessionError) => {
  expectTypeOf<typeof error.status>().toEqualTypeOf<409 | 500 | 503>()
  if (error.code === 'ERR_SESSION_STORE') return error.message
  // @ts-expect-error: no such code
  return error.code === 'ERR_SESSION'
}
app.on('error', answer)
