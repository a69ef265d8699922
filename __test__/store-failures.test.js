'use strict'

// Stores that are slow, fail, or hold what is no session.

const test = require('ava')
const { once } = require('node:events')
const { stat } = require('node:fs/promises')
const net = require('node:net')
const { setImmediate: turn } = require('node:timers/promises')
const { inspect } = require('node:util')
const session = require('..')
const { app } = require('./helpers/app')
const { ownRedis } = require('./helpers/own-redis')
const { startRedis } = require('./helpers/redis-server')
const { jsStore, storeKinds } = require('./helpers/stores')

const stores = storeKinds(ownRedis)

test('junk in the store does not keep update() from working', async (t) => {
  const client = ownRedis().client()
  const { browser, events } = await app(t, stores.Redis(t), { add: (ctx) => ctx.sessionHandler.update((session) => { session.n = (session.n ?? 0) + 1 }) })
  const junk = { text: '{"a":', null: 'null', number: '5', string: '"x"' }
  for (const [id, text] of Object.entries(junk)) await client.set(`koa:sess:${id}`, text)
  await client.rpush('koa:sess:list', 'x')
  for (const id of [...Object.keys(junk), 'list']) {
    const user = browser()
    user.cookies.set('koa:sess', id)
    t.is((await user.get('/add')).status, 200, id)
    t.is((await user.get('/')).body, '{"n":1}', id)
    t.not(user.cookie, `koa:sess=${id}`)
  }
  t.true(events.length >= 5 && events.every((name) => name === 'session:invalid'))
})

test('a store whose calls are each in time loses nothing, however many wait', async (t) => {
  const store = paced()
  const { start, browser } = await app(t, store, {
    begin: (ctx) => { ctx.session = { n: 0 } },
    add: (ctx) => { ctx.session[ctx.query.key] = 1 }
  }, { storeTimeoutMs: 200 })
  const user = await start()
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => browser().get(`/add?key=k${n}`, user.cookie)))
  t.deepEqual(answers.map(({ status }) => status), Array(20).fill(200))
  t.is(Object.keys(JSON.parse((await user.get('/')).body)).length, 21)
})

// A store whose calls take 30 ms each.
const paced = () => {
  const inner = jsStore()
  const late = (call) => async (...args) => {
    await new Promise((resolve) => setTimeout(resolve, 30))
    return call(...args)
  }
  return { get: late(inner.get), set: late(inner.set), destroy: late(inner.destroy) }
}

test('a timeout may be longer than timers are', async (t) => {
  const { start } = await app(t, paced(), { begin: (ctx) => { ctx.session = { n: 0 } } }, { storeTimeoutMs: Number.MAX_SAFE_INTEGER })
  const user = await start()
  t.is((await user.get('/')).body, '{"n":0}')
})

test('the time in which the event loop was blocked is not the store\'s', async (t) => {
  const inner = jsStore()
  const get = async (key) => {
    await turn() // the call's time has begun
    const answer = stat(__filename)
    block(300)
    await answer
    return inner.get(key)
  }
  const { start } = await app(t, { ...inner, get }, { begin: (ctx) => { ctx.session = { n: 0 } } }, { storeTimeoutMs: 100 })
  const user = await start()
  const { status, body } = await user.get('/')
  t.deepEqual([status, body], [200, '{"n":0}'])
})

const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

test('no error tells a session id, session data or a password', async (t) => {
  const renamed = await startRedis({ args: ['--rename-command', 'SET', '""'] })
  t.teardown(() => renamed.stop())
  const store = new session.RedisStore({ url: renamed.url })
  t.teardown(() => store.close())
  const { browser, errors } = await app(t, store, { begin: (ctx) => { ctx.session.secret = 'TOPSECRET' } })
  t.is((await browser().get('/begin')).status, 503)
  t.regex(errors[0].message, /unknown command 'SET'/)
  t.notRegex(inspect(errors), /TOPSECRET|koa:sess/)
  const url = 'redis://:hunter2@host'
  for (const make of [
    () => new session.RedisStore(url), () => session({ store: url }), () => new session.RedisStore({ sentinel: url }),
    () => new session.RedisStore({ db: url }), () => new session.RedisStore({ cluster: url }), () => new session.RedisStore({ url: `${url}:port` }),
    () => new session.RedisStore({ password: 7777, host: 7 }), () => new session.RedisStore({ tls: { ca: url } })
  ]) t.notRegex(inspect(t.throws(make, { code: 'ERR_SESSION_OPTION' })), /hunter2|7777/)
})

test('onStoreError is told, and may go on with an anonymous session', async (t) => {
  const listener = net.createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address()
  listener.close()
  const told = []
  const store = new session.RedisStore({ host: '127.0.0.1', port })
  t.teardown(() => store.close())
  const { browser, errors } = await app(t, store, { begin: (ctx) => { ctx.session.n = 1 } }, {
    onStoreError: (error, operation, ctx) => {
      told.push([error.code, operation, ctx.path])
      return 'anonymous'
    }
  })
  const user = browser()
  user.cookies.set('koa:sess', 'known')
  const { status, setCookie, body } = await user.get('/begin')
  t.deepEqual([status, setCookie, body], [200, [], '{"n":1}'])
  user.cookies.clear()
  t.is((await user.get('/begin')).status, 503)
  t.deepEqual(told, [['ERR_SESSION_STORE', 'load', '/begin'], ['ERR_SESSION_STORE', 'commit', '/begin']])
  t.is(errors.length, 1)
})
