'use strict'

// Requests that run side by side on one session keep what each has changed. `node examples/parallel-requests.js` serves
// the app, sends it forty requests at once, and prints what the session holds then.

const { once } = require('node:events')
const { setTimeout: delay } = require('node:timers/promises')

const Koa = require('koa')
const session = require('..') // in an app of yours: require('koa-session-native')

function shop (options) {
  const app = new Koa()

  app.use(session(options))

  app.use(async (ctx) => {
    const [, action, item] = ctx.path.split('/')
    if (action === 'add') {
      // Each request sets a key of its own: merging keeps them all, however long the requests take.
      ctx.session[item] = 'in the basket'
      await delay(50)
      ctx.status = 204
    } else if (action === 'count') {
      // One key for all requests: each starts from what it has loaded, and the last write wins.
      ctx.session.naive = (ctx.session.naive ?? 0) + 1
      await delay(50)
      // `update` takes them one after another, each from what the one before has written.
      await ctx.sessionHandler.update((fresh) => { fresh.count = (fresh.count ?? 0) + 1 })
      ctx.status = 204
    } else if (action === 'begin') {
      ctx.session = { begun: true }
      ctx.status = 204
    } else if (action === '') {
      ctx.body = ctx.session
    }
  })

  return app
}

module.exports = shop

async function main () {
  const server = shop().listen(process.env.PORT ?? 3000, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}/`
  console.log(url)

  const [cookie] = (await fetch(`${url}begin`)).headers.get('set-cookie').split(';')
  const items = Array.from({ length: 20 }, (_, n) => `item-${n}`)
  const paths = items.flatMap((item) => [`add/${item}`, 'count'])
  await Promise.all(paths.map((path) => fetch(url + path, { headers: { cookie } })))

  const kept = await (await fetch(url, { headers: { cookie } })).json()
  console.log(`${items.filter((item) => item in kept).length} of 20 items kept by merging`)
  console.log(`${kept.count} of 20 counted with update(), ${kept.naive} without`)
}

if (require.main === module) main()
