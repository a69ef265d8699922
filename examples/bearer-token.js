'use strict'

// Sessions without cookies: the id travels as a Bearer token. `node examples/bearer-token.js`, and then
//   curl -i -X POST http://127.0.0.1:3000/login                     answers with an X-Session-Token
//   curl -H 'Authorization: Bearer TOKEN' http://127.0.0.1:3000/

const Koa = require('koa')
const { imsession, SessionIdResolver } = require('../lib/imsession') // in an app of yours: require('koa-session-native/imsession')

class BearerTokenResolver extends SessionIdResolver {
  // A `get` of one's own decides for itself what an id is: without this form, a token could name any key of the store.
  get (ctx) {
    return /^Bearer ([0-9a-f]{32})$/.exec(ctx.get('authorization'))?.[1]
  }

  // Called with null when the session was destroyed.
  set (ctx, id) {
    ctx.set('x-session-token', id ?? '')
  }
}

function api (options) {
  const app = new Koa()

  app.use(imsession({ ...options, idResolver: new BearerTokenResolver() }))

  app.use((ctx) => {
    if (ctx.path === '/login' && ctx.method === 'POST') {
      ctx.session = { since: new Date() }
      ctx.status = 204
    } else if (ctx.session === null) {
      ctx.throw(401)
    } else if (ctx.path === '/') {
      ctx.body = { session: ctx.session }
    } else if (ctx.path === '/logout' && ctx.method === 'POST') {
      ctx.session = null
      ctx.status = 204
    }
  })

  return app
}

module.exports = api

if (require.main === module) {
  const server = api().listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}/`)
  })
}
