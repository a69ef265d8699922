'use strict'

const test = require('ava')
const genericSession = require('koa-generic-session')
const koaRedis = require('koa-redis')
const session = require('../..')
const { ownRedis } = require('../helpers/own-redis')
const { serve, Browser } = require('../helpers/serve')

const handle = (ctx) => {
  if (ctx.path === '/login') ctx.session.user = 'ada'
  if (ctx.path === '/count') ctx.session.count = (ctx.session.count ?? 0) + 1
  ctx.body = `${ctx.session.user} ${ctx.session.count}`
}

const before = async (t) => {
  const store = koaRedis({ url: ownRedis().url })
  t.teardown(() => store.quit())
  const { app, url } = await serve(t)
  app.keys = ['secret']
  app.use(genericSession({ store }))
  app.use(handle)
  return url
}

// The lines of docs/migrating-from-koa-generic-session.md.
const after = async (t) => {
  const store = new session.RedisStore({ url: ownRedis().url })
  t.teardown(() => store.close())
  const { app, url } = await serve(t)
  app.keys = ['secret']
  app.use((ctx, next) => {
    const id = ctx.cookies.get('koa.sid', { signed: true })
    if (id && !ctx.cookies.get('koa:sess', { signed: false })) ctx.req.headers.cookie += `; koa:sess=${id}`
    return next()
  })
  app.use(session({ key: 'koa:sess', store }))
  app.use(handle)
  return url
}

test('who was logged in with koa-generic-session and koa-redis still is', async (t) => {
  const user = new Browser(await before(t))
  await user.get('/login')
  await user.get('/count')
  t.true(user.cookies.has('koa.sid') && user.cookies.has('koa.sid.sig'))
  user.url = await after(t)
  t.is((await user.get('/')).body, 'ada 1')
  const { setCookie: [line] } = await user.get('/count')
  t.regex(line, /^koa:sess=/)
  t.is((await user.get('/count')).body, 'ada 3')
  user.cookies.delete('koa.sid')
  t.is((await user.get('/')).body, 'ada 3')
})

test('a cookie of koa-generic-session with a forged signature is not taken over', async (t) => {
  const user = new Browser(await before(t))
  await user.get('/login')
  user.cookies.set('koa.sid.sig', 'forged')
  user.url = await after(t)
  t.is((await user.get('/')).body, 'undefined undefined')
})
