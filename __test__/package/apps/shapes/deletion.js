'use strict'

const Koa = require('koa')
const session = require('koa-session-minimal')

const app = new Koa()

app.use(session())

app.use((ctx) => {
  if (ctx.path === '/add') ctx.session.count = (ctx.session.count || 0) + 1
  if (ctx.path === '/null') ctx.session = null
  if (ctx.path === '/empty') ctx.session = {}
  if (ctx.path === '/delete') delete ctx.session
  ctx.body = JSON.stringify(ctx.session || null)
})

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().once('end', () => process.exit()) // it does not outlive the test
