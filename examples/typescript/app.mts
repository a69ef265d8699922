// Typed sessions: `npx tsc -p examples/typescript && node target/examples/app.mjs`, then open
// http://127.0.0.1:3000/login?user=ada. Node 22.18 and later also runs it as it is: `node examples/typescript/app.mts`.

import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import session, { MemoryStore, type SessionOptions } from 'koa-session-native'

// What the sessions of this app hold; said once, it types every ctx.session. A new session is {}: all is optional.
declare module 'koa-session-native' {
  interface SessionData {
    user?: string
    visits?: number
  }
}

const options: SessionOptions = {
  store: new MemoryStore({ maxBytes: 64 * 1024 * 1024 }),
  cookie: ctx => ({ maxAge: ctx.session?.user ? 24 * 3600 * 1000 : 0, sameSite: 'lax' })
}

const app = new Koa()

app.use(session(options))

app.use(async ctx => {
  if (ctx.path === '/login') {
    ctx.sessionHandler.regenerateId()
    ctx.session = { user: String(ctx.query.user ?? 'somebody'), visits: 0 }
    ctx.redirect('/')
  } else if (ctx.path === '/logout') {
    ctx.session = null
    ctx.body = 'Logged out'
  } else if (ctx.path === '/') {
    // `ctx.session.vists` would not compile.
    await ctx.sessionHandler.update(fresh => { fresh.visits = (fresh.visits ?? 0) + 1 })
    ctx.body = `Hello ${ctx.session?.user ?? 'guest'}, visits: ${ctx.session?.visits}`
  }
})

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
})
