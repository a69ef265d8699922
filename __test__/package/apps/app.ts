import type { AddressInfo } from 'node:net'
import Koa = require('koa')
import session = require('koa-session-native')
import { MemoryStore, type SessionOptions } from 'koa-session-native'
import { imsession, SessionIdResolver, TTL_MS, type SessionStore } from 'koa-session-native/imsession'

const options: SessionOptions = { store: new MemoryStore({ maxBytes: 1 << 20 }) }
const app = new Koa()
app.use(session(options))
app.use(ctx => {
  ctx.session.count = (ctx.session.count || 0) + 1
  ctx.body = String(ctx.session.count)
  if (ctx.path === '/login') ctx.sessionHandler.regenerateId()
})
// @ts-expect-error: the package's types are read, and are not `any`
const wrong = () => session({ key: 1 })

const store: SessionStore<{ user: string }> = {
  get: async () => ({ user: 'ada', [TTL_MS]: 1000 }),
  set: async () => {},
  destroy: async () => {}
}
new Koa().use(imsession({ store, idResolver: new SessionIdResolver({ name: 'sid' }) })).use(ctx => { ctx.session = true })
// @ts-expect-error: so are the subpath's
const wrongToo = () => imsession({ name: 1 })

const server = app.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
process.stdin.resume().once('end', () => process.exit()) // it does not outlive the test
