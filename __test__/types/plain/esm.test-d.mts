// The same names from an ES module.
import Koa from 'koa'
import session, { MemoryStore, RedisStore } from 'koa-session-native'
import * as all from 'koa-session-native'
import { same } from '../equal.js'

same<ReturnType<typeof session>, Koa.Middleware>(true)
same<typeof session.MemoryStore, typeof MemoryStore>(true)
same<typeof all.RedisStore, typeof RedisStore>(true)
same<typeof all.default, typeof session>(true)

new Koa().use(session({ store: new MemoryStore() })).use(ctx => {
  same<typeof ctx.session, any>(true)
})
