'use strict'

// Immutable sessions on Redis, which live as long as they are used: when less than a third of its 30 minutes is left, a
// session gets a new id and 30 minutes more. Nothing needs to be written for that: the store tells what is left.
// `node examples/imsession-redis.js redis://127.0.0.1:6379`, then open http://127.0.0.1:3000/login?user=ada.

const Koa = require('koa')
const { imsession, RedisStore } = require('../lib/imsession') // in an app of yours: require('koa-session-native/imsession')

function members (store) {
  const app = new Koa()

  app.use(imsession({ store, cookie: { maxAge: 30 * 60 * 1000, sameSite: 'lax' } }))

  app.use((ctx) => {
    if (ctx.path === '/login') {
      ctx.session = { user: ctx.query.user ?? 'somebody' }
      ctx.session = true // who was here before does not know the id of who has logged in
      ctx.redirect('/')
    } else if (ctx.path === '/logout') {
      ctx.session = null
      ctx.body = 'Logged out'
    } else if (ctx.path === '/') {
      ctx.body = ctx.session ? `Hello ${ctx.session.user}` : 'Who are you? See /login?user=ada'
    }
  })

  return app
}

module.exports = members

if (require.main === module) {
  const store = new RedisStore({ url: process.argv[2] ?? 'redis://127.0.0.1:6379' })
  const server = members(store).listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}/`)
  })
}
