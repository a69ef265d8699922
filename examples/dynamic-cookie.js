'use strict'

// "Remember me": how long a session lives depends on who has it. `node examples/dynamic-cookie.js`, then open
// http://127.0.0.1:3000/login?user=ada or http://127.0.0.1:3000/login?user=ada&remember=yes.

const Koa = require('koa')
const session = require('..') // in an app of yours: require('koa-session-native')

const MONTH = 30 * 24 * 3600 * 1000 // in milliseconds

// Called when a session is saved or deleted, once the handlers are done: it sees what they have put into the session.
function cookie (ctx) {
  return {
    maxAge: ctx.session.remember ? MONTH : 0, // 0: until the browser is closed
    sameSite: 'lax',
    secure: ctx.secure // behind a proxy that ends HTTPS: app.proxy = true
  }
}

function members (options) {
  const app = new Koa()

  app.use(session({ ...options, cookie }))

  app.use((ctx) => {
    if (ctx.path === '/login') {
      ctx.sessionHandler.regenerateId()
      ctx.session = { user: ctx.query.user ?? 'somebody', remember: ctx.query.remember === 'yes' }
      ctx.redirect('/')
    } else if (ctx.path === '/logout') {
      ctx.session = null
      ctx.body = 'Logged out'
    } else if (ctx.path === '/') {
      const { user, remember } = ctx.session
      ctx.body = user ? `Hello ${user}, ${remember ? 'for a month' : 'until you close the browser'}` : 'Who are you? See /login?user=ada'
    }
  })

  return app
}

module.exports = members

if (require.main === module) {
  const server = members().listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}/`)
  })
}
