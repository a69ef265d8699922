// Both packages in one program, as during a migration: library types are checked, and neither may break the other.
import Koa from 'koa'
import minimal from 'koa-session-minimal'
import session, { RedisStore } from 'koa-session-native'
import { imsession } from 'koa-session-native/imsession'
import { expectTypeOf } from 'expect-type'

new Koa().use(minimal({ store: new RedisStore({ url: 'redis://127.0.0.1' }) }))
new Koa().use(session({ key: 'koa:sess' })).use(ctx => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<any>()
  ctx.sessionHandler.regenerateId()
})

const handle = (ctx: Koa.Context) => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<any>()
  ctx.sessionHandler.regenerateId()
}
new Koa().use(handle)
new Koa().use(imsession()).use(ctx => { ctx.session = true })
