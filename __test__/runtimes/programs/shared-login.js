'use strict'

// A worker thread: serves logins from the memory store of that name until it is told to end.

const { once } = require('node:events')
const http = require('node:http')
const Koa = require('koa')
const { parentPort, workerData: { name } } = require('node:worker_threads')
const session = require('../../..')

const store = new session.MemoryStore({ name })
store.set('of the worker', { n: 2 }, 60000)

const app = new Koa().use(session({ store })).use((ctx) => {
  if (ctx.path === '/login') ctx.session.user = 'ada'
  if (ctx.path === '/logout') ctx.session = null
  ctx.body = ctx.session?.user ?? 'nobody'
})

const main = async () => {
  const server = http.createServer(app.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const told = once(parentPort, 'message')
  parentPort.postMessage({ url: `http://127.0.0.1:${server.address().port}`, found: store.get('of the main thread') })
  await told
  server.close()
  server.closeAllConnections()
}
main()
