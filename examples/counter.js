'use strict'

// A page that counts its views, each visitor's apart: `node examples/counter.js`. `npm run demo` builds and starts it.

const Koa = require('koa')
const session = require('..') // in an app of yours: require('koa-session-native')

const page = (text, ...links) => `<!doctype html>
<meta charset="utf-8">
<title>View counter</title>
<h1>${text}</h1>
${links.map(([path, name]) => `<p><a href="${path}">${name}</a></p>\n`).join('')}`

/** The app; without a store, its sessions are in this process's memory. */
function counter (store) {
  const app = new Koa()

  app.use(session({ store }))

  app.use((ctx) => {
    ctx.type = 'html'
    if (ctx.path === '/') {
      ctx.session.count = (ctx.session.count || 0) + 1
      const links = [['/', 'View again'], ['/count', 'Only look'], ['/logout', 'Log out']]
      ctx.body = page(`Views: ${ctx.session.count}`, ...links)
    } else if (ctx.path === '/count') {
      // What is only read is neither written nor is its cookie sent.
      ctx.body = page(`Views so far: ${ctx.session.count || 0}`, ['/', 'View again'])
    } else if (ctx.path === '/logout') {
      ctx.session = null
      ctx.body = page('The session is gone', ['/', 'Begin anew'])
    }
  })

  return app
}

if (require.main === module) {
  const server = counter().listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}/`)
  })
}

module.exports = counter
