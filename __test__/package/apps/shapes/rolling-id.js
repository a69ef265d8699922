'use strict'

const Koa = require('koa')
const session = require('koa-session-minimal')

const app = new Koa()

app.use(session())

app.use((ctx) => {
  ctx.session.count = (ctx.session.count || 0) + 1
  // every third view is under a new id
  if (ctx.session.count % 3 === 0) ctx.sessionHandler.regenerateId()
  ctx.body = String(ctx.session.count)
})

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().once('end', () => process.exit()) // it does not outlive the test
