'use strict'

const Koa = require('koa')
const session = require('koa-session-minimal')
const redisStore = require('koa-redis')

const app = new Koa()
const store = redisStore({ url: process.env.REDIS_URL })

app.use(session({ key: 'sid', store, cookie: { maxAge: 60 * 1000 } }))

app.use(async (ctx) => {
  if (ctx.path === '/add') ctx.session.count = (ctx.session.count || 0) + 1
  if (ctx.path === '/logout') ctx.session = null
  // what the store has, by its own account
  else ctx.body = JSON.stringify(await store.get(`sid:${ctx.cookies.get('sid')}`))
})

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().once('end', () => process.exit()) // it does not outlive the test
