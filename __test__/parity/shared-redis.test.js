'use strict'

// During a rollout old processes, with koa-session-minimal and koa-redis, and new ones, with koa-session-native and its
// RedisStore, serve the same users from one Redis.

const test = require('ava')
const { once } = require('node:events')
const http = require('node:http')
const redisStore = require('koa-redis')

const { startRedis } = require('../helpers/redis-server')
const { Browser, koas, request, sides } = require('./harness')

const hour = 3600000
const old = sides['koa-session-minimal']
const native = sides['koa-session-native']

// Each step is a handler, and what the session is after it.
const steps = [
  [(ctx) => { ctx.session.user = 'Zoë 👩‍👩‍👧' }, { user: 'Zoë 👩‍👩‍👧' }],
  [(ctx) => { ctx.session.cart = [{ 'ключ': 1.5, none: null }] }, { user: 'Zoë 👩‍👩‍👧', cart: [{ 'ключ': 1.5, none: null }] }],
  [(ctx) => { ctx.session.cart.push('\u2028"\\\n\ud800') }, { user: 'Zoë 👩‍👩‍👧', cart: [{ 'ключ': 1.5, none: null }, '\u2028"\\\n\ud800'] }],
  [() => {}, { user: 'Zoë 👩‍👩‍👧', cart: [{ 'ключ': 1.5, none: null }, '\u2028"\\\n\ud800'] }],
  [(ctx) => { delete ctx.session.cart }, { user: 'Zoë 👩‍👩‍👧' }],
  [(ctx) => { ctx.sessionHandler.regenerateId() }, { user: 'Zoë 👩‍👩‍👧' }],
  [(ctx) => { ctx.sessionHandler.regenerateId(); ctx.session.admin = true }, { user: 'Zoë 👩‍👩‍👧', admin: true }],
  [(ctx) => { ctx.session = ['an', 'array'] }, ['an', 'array']],
  [(ctx) => { ctx.session = null }, {}],
  [(ctx) => { ctx.session.again = 1 }, { again: 1 }],
  [(ctx) => { delete ctx.session }, {}]
]

let redis
let client

test.before(async () => {
  redis = await startRedis()
  client = redis.client()
})

test.after.always(() => redis?.stop())

/** A process of the rollout: an app whose request /n runs step n. */
async function serve (t, Koa, middleware) {
  const app = new Koa()
  app.use(async (ctx, next) => { await next(); ctx.body = ctx.session })
  app.use(middleware)
  app.use((ctx) => steps[ctx.path.slice(1)][0](ctx))
  const server = http.createServer(app.callback()).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  return server.address().port
}

for (const [name, Koa] of Object.entries(koas)) {
  for (const maxAge of [undefined, 3 * hour]) {
    test(`old and new processes share their sessions: ${name}, maxAge ${maxAge}`, async (t) => {
      const key = `${name.replace(' ', '')}:${maxAge}`
      const store = new native.RedisStore({ url: redis.url })
      t.teardown(() => store.close())
      const oldClient = redis.client()
      const ports = {
        old: await serve(t, Koa, old({ key, cookie: { maxAge }, store: redisStore({ client: oldClient }) })),
        new: await serve(t, Koa, native({ key, cookie: { maxAge }, store }))
      }
      // Two users do the same, one beginning on an old process and one on a new one, and change sides at every step.
      const users = [new Browser(), new Browser()]
      const expiries = [{}, {}]

      for (const [number, [, session]] of steps.entries()) {
        const found = await Promise.all(users.map(async (user, which) => {
          const side = (number + which) % 2 ? 'new' : 'old'
          const on = `step ${number} on the ${side} side`
          const began = Date.now()
          const { status, body, setCookie } = await request(ports[side], `/${number}`, user.header)
          await oldClient.ping() // koa-session-minimal does not wait for its writes
          const ended = Date.now()
          const oldId = user.cookies.get(key)
          user.take(setCookie)
          t.is(status, 200, on)
          t.deepEqual(JSON.parse(body), session, on)

          const id = user.cookies.get(key)
          const record = `${key}:${id}`
          if (oldId !== id) t.is(await client.exists(`${key}:${oldId}`), 0, on)
          if (setCookie.length) expiries[which] = { earliest: began + (maxAge || 24 * hour), latest: ended + (maxAge || 24 * hour) }
          const asked = Date.now()
          const [text, ttl] = [await client.get(record), await client.pttl(record)]
          if (text) {
            t.true(Date.now() + ttl >= expiries[which].earliest, on)
            t.true(asked + ttl <= expiries[which].latest + 1000, on) // koa-redis counts in whole seconds
          }
          return { text, saved: setCookie.length, changedId: oldId !== id }
        }))
        const kept = Object.keys(session).length > 0
        t.is(found[0].text, kept ? JSON.stringify(session) : null)
        t.deepEqual(found[1], found[0], `step ${number} does the same on both sides`)
      }
      t.deepEqual(await client.keys(`${key}:*`), [])
    })
  }
}
