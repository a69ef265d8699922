'use strict'

// node increment.js <redis url> <cookie> <count>: that many parallel increments of one session, in a process of its own.
const { once } = require('node:events')
const Koa = require('koa')
const session = require('../..')
const { Browser } = require('./serve')

const [url, cookie, count] = process.argv.slice(2)

const main = async () => {
  const store = new session.RedisStore({ url })
  const app = new Koa().use(session({ store })).use(async (ctx) => {
    await ctx.sessionHandler.update((session) => { session.n++ })
    ctx.body = 'done'
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const browser = new Browser(`http://127.0.0.1:${server.address().port}`)
  const answers = await Promise.all(Array.from({ length: Number(count) }, () => browser.get('/', cookie)))
  server.close()
  server.closeAllConnections()
  if (answers.some(({ status }) => status !== 200)) process.exitCode = 1
}
main()
