// imsession from the subpath and from the main entry, SessionData as it comes.
import Koa from 'koa'
import whole, { imsession, MemoryStore, RedisStore, SessionIdResolver, TTL_MS } from 'koa-session-native/imsession'
import type { CookieOptions, SessionData, SessionOptions, SessionStore } from 'koa-session-native/imsession'
import required = require('koa-session-native/imsession')
import main from 'koa-session-native'
import { same } from '../equal'

same<typeof whole, typeof required>(true)
same<typeof imsession, typeof whole>(true)
same<typeof main.SessionIdResolver, typeof SessionIdResolver>(true)
same<typeof main.RedisStore, typeof RedisStore>(true)
same<typeof main.TTL_MS, typeof TTL_MS>(true)
same<keyof SessionData, never>(true)
same<SessionOptions, main.ImSessionOptions>(true)
same<ReturnType<typeof imsession>, Koa.Middleware>(true)
same<ReturnType<typeof main.imsession>, Koa.Middleware>(true)

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
    same<typeof this.name, string>(true)
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
same<ReturnType<typeof memory.get>, Promise<any>>(true)
same<ReturnType<typeof memory.set>, Promise<void>>(true)
// @ts-expect-error: session data must be an object
memory.set('id', 'text', 1000)

app.use(ctx => {
  same<typeof ctx.session, any>(true)
  ctx.session = { ...ctx.session, n: 1 }
  ctx.session = true
  ctx.session = null
})
