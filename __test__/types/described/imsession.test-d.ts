// SessionData described in part through the subpath, and in part (session.test-d.ts) through the main entry, which has all.
import Koa from 'koa'
import { imsession } from 'koa-session-native/imsession'
import type { SessionData as Part, SessionStore } from 'koa-session-native/imsession'
import type { SessionData } from 'koa-session-native'
import { same } from '../equal'

declare module 'koa-session-native/imsession' {
  interface SessionData {
    theme?: 'dark' | 'light'
  }
}

same<keyof Part, 'theme'>(true)
same<keyof SessionData, 'theme' | 'count' | 'user'>(true)

const app = new Koa()
app.use(imsession(app))
app.use(ctx => {
  same<typeof ctx.session, SessionData | null>(true)
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
  same<typeof ctx.session, SessionData | null>(true)
  ctx.session = true
}
app.use(handle)

const store: SessionStore<SessionData> = {
  get: async () => ({ count: 1 }),
  set: async (id, data) => { same<typeof data.count, number>(true) },
  destroy: async () => {}
}
app.use(imsession({ store }))
