'use strict'

const Koa = require('koa')
const session = require('koa-session-minimal')

const app = new Koa()

app.use(session())

// increment when url = /add
app.use(async (ctx, next) => {
  ctx.session.count = ctx.session.count || 0
  if (ctx.path === '/add') ctx.session.count++

  await next()

  ctx.body = String(ctx.session.count)
})

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().once('end', () => process.exit()) // it does not outlive the test
