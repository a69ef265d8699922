'use strict'

// node storm.js <redis url> <prefix> <cookie> <count>: that many parallel reads of one session, in a process of its own.
// Says `loaded` when all have loaded it, lets them end when it reads a line, and then prints their answers.
const { once } = require('node:events')
const Koa = require('koa')
const { imsession, RedisStore } = require('../../lib/imsession')
const { Browser } = require('../helpers/serve')

const [url, prefix, cookie, count] = process.argv.slice(2)

const main = async () => {
  const store = new RedisStore({ url, prefix })
  const go = once(process.stdin, 'data')
  let come = 0
  const app = new Koa().use(imsession({ store })).use(async (ctx) => {
    const session = JSON.stringify(ctx.session)
    if (++come === Number(count)) console.log('loaded')
    await go
    ctx.body = session
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const answers = await Promise.all(Array.from({ length: Number(count) }, async () => {
    const browser = new Browser(`http://127.0.0.1:${server.address().port}`)
    const { status, body } = await browser.get('/', cookie)
    return { status, body, cookie: browser.cookie }
  }))
  console.log(JSON.stringify(answers))
  server.close()
  server.closeAllConnections()
  process.stdin.destroy()
}
main()
