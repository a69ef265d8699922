// The same names from an ES module.
import Koa from 'koa'
import session, { MemoryStore, RedisStore } from 'koa-session-native'
import * as all from 'koa-session-native'
import whole, { imsession, SessionIdResolver, TTL_MS } from 'koa-session-native/imsession'
import * as sub from 'koa-session-native/imsession'
import { same } from '../equal.js'

same<ReturnType<typeof session>, Koa.Middleware>(true)
same<typeof session.MemoryStore, typeof MemoryStore>(true)
same<typeof all.RedisStore, typeof RedisStore>(true)
same<typeof all.default, typeof session>(true)
same<typeof all.imsession, typeof session.imsession>(true)
same<typeof sub.imsession, typeof imsession>(true)
same<typeof sub.default, typeof whole>(true)
same<typeof sub.SessionIdResolver, typeof SessionIdResolver>(true)
same<typeof all.TTL_MS, typeof TTL_MS>(true)

new Koa().use(session({ store: new MemoryStore() })).use(ctx => {
  same<typeof ctx.session, any>(true)
})
new Koa().use(imsession({ idResolver: new SessionIdResolver() })).use(ctx => {
  same<typeof ctx.session, any>(true)
})
