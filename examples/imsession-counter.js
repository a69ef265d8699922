'use strict'

// Immutable sessions: a counter. `node examples/imsession-counter.js`, then open http://127.0.0.1:3000/.

const Koa = require('koa')
const { imsession } = require('../lib/imsession') // in an app of yours: require('koa-session-native/imsession')

function counter (options) {
  const app = new Koa()

  app.use(imsession(options))

  app.use((ctx) => {
    if (ctx.path === '/') {
      // A session is replaced, never changed: ctx.session.count++ would throw.
      ctx.session = { ...ctx.session, count: (ctx.session?.count ?? 0) + 1 }
      ctx.body = `Views: ${ctx.session.count}`
    } else if (ctx.path === '/count') {
      ctx.body = `Views so far: ${ctx.session?.count ?? 0}` // no session is made
    } else if (ctx.path === '/logout') {
      ctx.session = null
      ctx.body = 'The session is gone'
    }
  })

  return app
}

module.exports = counter

if (require.main === module) {
  const server = counter().listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}/`)
  })
}
