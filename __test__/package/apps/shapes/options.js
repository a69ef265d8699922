'use strict'

const Koa = require('koa')
const session = require('koa-session-minimal')

const app = new Koa()

app.use(session({
  key: 'my-app.sid',
  cookie: { maxAge: 60 * 60 * 1000, path: '/members', domain: 'example.org', secure: false, httpOnly: false }
}))

app.use((ctx) => {
  ctx.session.count = (ctx.session.count || 0) + 1
  ctx.body = String(ctx.session.count)
})

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().once('end', () => process.exit()) // it does not outlive the test
