'use strict'

const Koa = require('koa')
const session = require('koa-session-minimal')

const ONE_WEEK = 7 * 24 * 3600 * 1000 // its README has a month, which its memory store keeps for a millisecond

const app = new Koa()

app.use(session({
  cookie: (ctx) => ({
    maxAge: ctx.session.user ? ONE_WEEK : 0
  })
}))

app.use((ctx) => {
  if (ctx.path === '/login') ctx.session.user = 'ada'
  else ctx.session.guest = true
  ctx.body = ctx.session.user || 'guest'
})

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().once('end', () => process.exit()) // it does not outlive the test
