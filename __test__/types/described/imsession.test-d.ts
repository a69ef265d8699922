// SessionData described in part through the subpath, and in part (session.test-d.ts) through the main entry, which has all.
import Koa from 'koa'
import { imsession } from 'koa-session-native/imsession'
import type { SessionData as Part, SessionStore } from 'koa-session-native/imsession'
import type { SessionData } from 'koa-session-native'
import { expectTypeOf } from 'expect-type'

declare module 'koa-session-native/imsession' {
  interface SessionData {
    theme?: 'dark' | 'light'
  }
}

expectTypeOf<keyof Part>().toEqualTypeOf<'theme'>()
expectTypeOf<keyof SessionData>().toEqualTypeOf<'theme' | 'count' | 'user'>()

const app = new Koa()
app.use(imsession(app))
app.use(ctx => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<SessionData | null>()
  ctx.session = { count: 1, theme: 'dark' }
  ctx.session = { ...ctx.session, count: 2 }
  ctx.session = true
  ctx.session = false
  ctx.session = undefined
  ctx.session = null
  // @ts-expect-error: described otherwise
  ctx.session = { count: 1, theme: 'red' }
  // @ts-expect-error: no session
  ctx.session = 1
  // @ts-expect-error: there may be none
  ctx.body = ctx.session.count
})
const handle = (ctx: Koa.Context) => {
  expectTypeOf<typeof ctx.session>().toEqualTypeOf<SessionData | null>()
  ctx.session = true
}
app.use(handle)

const store: SessionStore<SessionData> = {
  get: async () => ({ count: 1 }),
  set: async (id, data) => { expectTypeOf<typeof data.count>().toEqualTypeOf<number>() },
  destroy: async () => {}
}
app.use(imsession({ store }))
