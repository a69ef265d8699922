// Both packages in one program, and SessionData described: handlers see it; Koa.Context is as the other declares it.
import Koa from 'koa'
import minimal from 'koa-session-minimal'
import session from 'koa-session-native'
import type { SessionData } from 'koa-session-native'
import { imsession } from 'koa-session-native/imsession'
import { expectTypeOf } from 'expect-type'

declare module 'koa-session-native' {
  interface SessionData { count: number }
}

new Koa().use(minimal())
new Koa().use(session()).use(ctx => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<SessionData | null>()
  ctx.sessionHandler.regenerateId()
})

const handle = (ctx: Koa.Context) => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<any>()
  ctx.sessionHandler.regenerateId()
}
new Koa().use(handle)
new Koa().use(imsession()).use(ctx => { ctx.session = true })
