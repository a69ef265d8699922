// The same names from an ES module.
import Koa from 'koa'
import session, { MemoryStore, RedisStore } from 'koa-session-native'
import * as all from 'koa-session-native'
import whole, { imsession, SessionIdResolver, TTL_MS } from 'koa-session-native/imsession'
import * as sub from 'koa-session-native/imsession'
import { expectTypeOf } from 'expect-type'

expectTypeOf<ReturnType<typeof session>>().toEqualTypeOf<Koa.Middleware>()
expectTypeOf<typeof session.MemoryStore>().toEqualTypeOf<typeof MemoryStore>()
expectTypeOf<typeof all.RedisStore>().toEqualTypeOf<typeof RedisStore>()
expectTypeOf<typeof all.default>().toEqualTypeOf<typeof session>()
expectTypeOf<typeof all.imsession>().toEqualTypeOf<typeof session.imsession>()
expectTypeOf<typeof sub.imsession>().toEqualTypeOf<typeof imsession>()
expectTypeOf<typeof sub.default>().toEqualTypeOf<typeof whole>()
expectTypeOf<typeof sub.SessionIdResolver>().toEqualTypeOf<typeof SessionIdResolver>()
expectTypeOf<typeof all.TTL_MS>().toEqualTypeOf<typeof TTL_MS>()

new Koa().use(session({ store: new MemoryStore() })).use(ctx => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<any>()
})
new Koa().use(imsession({ idResolver: new SessionIdResolver() })).use(ctx => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<any>()
})
