'use strict'

// A login that session fixation cannot use, and a basket that survives it. `node examples/login.js`, then
//   curl -b jar -c jar -d item=tea http://127.0.0.1:3000/basket                        a guest's session, with an id of its own
//   curl -b jar -c jar -d user=ada -d password=lovelace http://127.0.0.1:3000/login    another id, the same basket
//   curl -b jar -c jar http://127.0.0.1:3000/
//   curl -b jar -c jar -X POST http://127.0.0.1:3000/logout

const { randomBytes, scryptSync, timingSafeEqual } = require('node:crypto')
const { text } = require('node:stream/consumers')

const Koa = require('koa')
const session = require('..') // in an app of yours: require('koa-session-native')

const salt = randomBytes(16)
const hash = (password) => scryptSync(password, salt, 32)
const users = new Map([['ada', hash('lovelace')]])
const nobody = hash(randomBytes(16)) // so that an unknown user takes as long as a wrong password

function isRight (user, password) {
  return timingSafeEqual(users.get(user) ?? nobody, hash(password))
}

// An application takes a body parser that limits the size.
const form = async (ctx) => Object.fromEntries(new URLSearchParams(await text(ctx.req)))

const handlers = {
  'GET /' (ctx) {
    const { user = 'guest', basket = [] } = ctx.session
    ctx.body = { user, basket }
  },

  async 'POST /basket' (ctx) {
    const { item = 'something' } = await form(ctx)
    ctx.session.basket = [...ctx.session.basket ?? [], item]
    ctx.redirect('/')
  },

  async 'POST /login' (ctx) {
    const { user = '', password = '' } = await form(ctx)
    if (!isRight(user, password)) ctx.throw(401, 'Wrong user or password')
    // Whoever has planted or seen the id of the guest's session knows nothing of the one from here on.
    ctx.sessionHandler.regenerateId()
    ctx.session.user = user
    ctx.redirect('/')
  },

  'POST /logout' (ctx) {
    ctx.session = null
    ctx.redirect('/')
  }
}

function shop (options) {
  const app = new Koa()

  app.use(session({ cookie: { sameSite: 'lax' }, ...options }))
  app.use((ctx) => handlers[`${ctx.method} ${ctx.path}`]?.(ctx))

  return app
}

module.exports = shop

if (require.main === module) {
  const server = shop().listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}/`)
  })
}
