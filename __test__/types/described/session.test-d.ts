// SessionData described by the application.
import Koa from 'koa'
import session, { MemoryStore } from 'koa-session-native'
import type { SessionData, SessionHandler } from 'koa-session-native'
import { same } from '../equal'

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
  same<typeof ctx.session, SessionData | null>(true)
  same<typeof ctx.sessionHandler, SessionHandler>(true)
  // @ts-expect-error: there may be none
  ctx.session.count++
  if (!ctx.session) return next()
  same<typeof ctx.session.count, number>(true)
  ctx.session.user = { name: 'Ada' }
  // @ts-expect-error: not described
  ctx.session.color = 'red'
  // @ts-expect-error: described otherwise
  ctx.session.count = '1'
  ctx.session = { count: 1 }
  ctx.session = null
  await ctx.sessionHandler.update(found => {
    same<typeof found, SessionData>(true)
    found.count++
  })
  await ctx.sessionHandler.update(async found => ({ ...found, count: 0 }))
  await ctx.sessionHandler.update(() => null)
  // @ts-expect-error: what is returned replaces the session
  await ctx.sessionHandler.update(found => found.count++)
})

const handle = (ctx: Koa.Context) => {
  same<typeof ctx.session, SessionData | null>(true)
  same<typeof ctx.sessionHandler, SessionHandler>(true)
}
app.use(handle)
