'use strict'

const Koa = require('koa')
const session = require('koa-session-minimal')
const redisStore = require('koa-redis')

const app = new Koa()

app.use(session({
  store: redisStore({ url: process.env.REDIS_URL })
}))

app.use((ctx) => {
  ctx.session.count = (ctx.session.count || 0) + 1
  ctx.body = String(ctx.session.count)
})

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().once('end', () => process.exit()) // it does not outlive the test
