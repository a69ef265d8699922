// imsession from the subpath and from the main entry, SessionData as it comes.
import Koa from 'koa'
import whole, { imsession, MemoryStore, RedisStore, SessionIdResolver, TTL_MS } from 'koa-session-native/imsession'
import type { CookieOptions, SessionData, SessionOptions, SessionStore } from 'koa-session-native/imsession'
import required = require('koa-session-native/imsession')
import main from 'koa-session-native'
import { expectTypeOf } from 'expect-type'

expectTypeOf<typeof whole>().toEqualTypeOf<typeof required>()
expectTypeOf<typeof imsession>().toEqualTypeOf<typeof whole>()
expectTypeOf<typeof main.SessionIdResolver>().toEqualTypeOf<typeof SessionIdResolver>()
expectTypeOf<typeof main.RedisStore>().toEqualTypeOf<typeof RedisStore>()
expectTypeOf<typeof main.TTL_MS>().toEqualTypeOf<typeof TTL_MS>()
expectTypeOf<keyof SessionData>().toEqualTypeOf<never>()
expectTypeOf<SessionOptions>().toEqualTypeOf<main.ImSessionOptions>()
expectTypeOf<ReturnType<typeof imsession>>().toEqualTypeOf<Koa.Middleware>()
expectTypeOf<ReturnType<typeof main.imsession>>().toEqualTypeOf<Koa.Middleware>()

// both ways to install, and each option
const app = new Koa()
app.use(imsession())
app.use(imsession({}))
app.use(imsession(app))
app.use(imsession(app, { name: 'sid' }))
app.use(main.imsession(app, { store: new main.MemoryStore() }))
app.use(imsession(new Koa<{ state: 1 }, { mine: 1 }>(), {}))
app.use(imsession({ name: undefined, store: null, idResolver: null, cookie: undefined, frozen: undefined }))
app.use(imsession({ store: new MemoryStore(), frozen: true, regenerateGraceMs: 0, conflict: 'merge', storeTimeoutMs: 1 }))
app.use(imsession({ cookie: { maxAge: 1000, signed: true, sameSite: 'lax', secure: true, path: '/' } }))
app.use(imsession({ cookie: { expires: new Date() } }))
app.use(imsession({ idResolver: new SessionIdResolver({ name: 'sid', cookie: { maxAge: 1 } }) }))
app.use(imsession({ idResolver: { get: ctx => ctx.get('id'), set () {}, generate: () => 'id' } }))
const options: SessionOptions = { store: new RedisStore({ url: 'redis://127.0.0.1' }) }
app.use(imsession(options))
const cookie: CookieOptions = {} as NonNullable<Parameters<Koa.Context['cookies']['set']>[2]>
app.use(imsession({ cookie }))

// @ts-expect-error: no such option
imsession({ key: 'sid' })
// @ts-expect-error: maxAge is a number of milliseconds
imsession({ cookie: { maxAge: '1d' } })
// @ts-expect-error: a resolver has generate too
imsession({ idResolver: { get () {}, set () {} } })
// @ts-expect-error: a store has destroy too
imsession({ store: { get () {}, set () {} } })

class Bearer extends SessionIdResolver {
  override get (ctx: Koa.Context) {
    return /^Bearer (\S+)$/.exec(ctx.get('authorization'))?.[1]
  }

  override set (ctx: Koa.Context, id: string | null) {
    expectTypeOf<typeof this.name>().toEqualTypeOf<string>()
    ctx.set('x-session-token', id ?? '')
  }
}
class Later extends Bearer {
  // @ts-expect-error: what Bearer gives at once cannot come later
  override async get (ctx: Koa.Context) { return super.get(ctx) }
}
class Async extends SessionIdResolver {
  override async get (ctx: Koa.Context) { return super.get(ctx) }
  override async set (ctx: Koa.Context, id: string | null) { await super.set(ctx, id) }
  override async generate (ctx: Koa.Context) { return super.generate(ctx) }
}
app.use(imsession({ idResolver: new Bearer() }))
app.use(imsession({ idResolver: new Async({ name: 'sid' }) }))

// stores, typed and not
interface Mine { user: string }
class Own implements SessionStore<Mine> {
  async get (id: string) {
    const found: Mine = { user: id }
    return Object.assign(found, { [TTL_MS]: 1000 })
  }

  async set (id: string, data: Mine, ttlMs: number) {}
  async destroy (id: string) {}
}
app.use(imsession({ store: new Own() }))
const bare: SessionStore<Mine> = { get: async () => ({ user: 'ada' }), set: async () => {}, destroy: async () => {} }
app.use(imsession({ store: bare }))
const loose: SessionStore = new MemoryStore()
app.use(imsession({ store: loose }))
// @ts-expect-error: milliseconds are a number
const told: SessionStore<Mine> = { ...bare, get: async () => ({ user: 'ada', [TTL_MS]: '1000' }) }

const memory = new MemoryStore({ maxBytes: 1024 })
expectTypeOf<ReturnType<typeof memory.get>>().toEqualTypeOf<Promise<any>>()
expectTypeOf<ReturnType<typeof memory.set>>().toEqualTypeOf<Promise<void>>()
// @ts-expect-error: session data must be an object
memory.set('id', 'text', 1000)

app.use(ctx => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<any>()
  ctx.session = { ...ctx.session, n: 1 }
  ctx.session = true
  ctx.session = null
})
