'use strict'

// Sessions on Redis: a visit counter that outlives the process, and that any number of processes may serve.
// `node examples/redis.js redis://127.0.0.1:6379`, then open http://127.0.0.1:3000/, restart it, and load again.

const Koa = require('koa')
const session = require('..') // in an app of yours: require('koa-session-native')

const LOGIN_LASTS = 14 * 24 * 3600 * 1000 // in milliseconds, from the last change of the session

function visits (store) {
  const app = new Koa()

  app.use(session({
    store,
    cookie: { maxAge: LOGIN_LASTS, sameSite: 'lax' },
    // Without Redis, pages that need no session still work; what needs to save one is answered with 503.
    onStoreError: (error, operation, ctx) => operation === 'load' && ctx.path === '/about' ? 'anonymous' : undefined
  }))

  app.use((ctx) => {
    if (ctx.path === '/') {
      ctx.session.visits = (ctx.session.visits ?? 0) + 1
      ctx.body = `Visits: ${ctx.session.visits}`
    } else if (ctx.path === '/about') {
      ctx.body = ctx.session.visits ? 'You have been here before' : 'I do not know you'
    } else if (ctx.path === '/health') {
      ctx.status = store.status === 'down' ? 503 : 200
      ctx.body = store.status
    }
  })

  return app
}

module.exports = visits

if (require.main === module) {
  const store = new session.RedisStore({ url: process.argv[2] ?? 'redis://127.0.0.1:6379' })
  store.on('disconnect', () => console.error('Redis is down'))
  store.on('connect', () => console.error('Redis is there'))

  const server = visits(store).listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}/`)
  })

  process.once('SIGTERM', () => {
    server.close(() => store.close())
    server.closeIdleConnections()
  })
}
