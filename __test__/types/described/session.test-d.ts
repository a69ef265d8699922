// SessionData described by the application.
import Koa from 'koa'
import session, { MemoryStore } from 'koa-session-native'
import type { SessionData, SessionHandler } from 'koa-session-native'
import { expectTypeOf } from 'expect-type'

declare module 'koa-session-native' {
  interface SessionData {
    user?: { name: string }
    count: number
  }
}

const app = new Koa()
app.use(session({
  store: new MemoryStore(),
  cookie: ctx => ({ maxAge: ctx.session?.user ? 1000 : 0 })
}))

app.use(async (ctx, next) => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<SessionData | null>()
  expectTypeOf<typeof ctx.sessionHandler>().toEqualTypeOf<SessionHandler>()
  // @ts-expect-error: there may be none
  ctx.session.count++
  if (!ctx.session) return next()
  expectTypeOf<typeof ctx.session.count>().toEqualTypeOf<number>()
  ctx.session.user = { name: 'Ada' }
  // @ts-expect-error: not described
  ctx.session.color = 'red'
  // @ts-expect-error: described otherwise
  ctx.session.count = '1'
  ctx.session = { count: 1 }
  ctx.session = null
  await ctx.sessionHandler.update(found => {
    expectTypeOf<typeof found>().toEqualTypeOf<SessionData>()
    found.count++
  })
  await ctx.sessionHandler.update(async found => ({ ...found, count: 0 }))
  await ctx.sessionHandler.update(() => null)
  // @ts-expect-error: what is returned replaces the session
  await ctx.sessionHandler.update(found => found.count++)
})

const handle = (ctx: Koa.Context) => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<SessionData | null>()
  expectTypeOf<typeof ctx.sessionHandler>().toEqualTypeOf<SessionHandler>()
}
app.use(handle)
