'use strict'

// A rollout: koa-session-minimal with koa-redis and this package serve one app side by side from one Redis, and nobody
// loses a session or sees an old one. ROLLOUT_SEED=<n> runs a failed one again.

const test = require('ava')
const assert = require('node:assert/strict')
const { randomInt } = require('node:crypto')
const { once } = require('node:events')
const http = require('node:http')
const Koa = require('koa')
const redisStore = require('koa-redis')
const minimal = require('koa-session-minimal')
const native = require('../..')
const { servers, startRedis } = require('../helpers/redis-server')
const { Browser } = require('../helpers/serve')
const { until } = require('../helpers/until')

const CLIENTS = 50
const REQUESTS = 2000
const KEY = 'koa:sess'
const MAX_AGE = 3600000
const OLD = 'koa-session-minimal'
const NEW = 'koa-session-native'

// mulberry32
const random = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let n = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  n = (n + Math.imul(n ^ (n >>> 7), 61 | n)) ^ n
  return ((n ^ (n >>> 14)) >>> 0) / 4294967296
}

// What a request does to the session; the app of both sides.
const actions = {
  read () {},
  login (ctx, { user, n }) {
    ctx.sessionHandler.regenerateId()
    Object.assign(ctx.session, { user, n })
  },
  change (ctx, { name, value, n }) {
    ctx.session[name] = { value, list: [value, null, n] }
    ctx.session.n = n
  },
  nest (ctx, { name, value, n }) {
    ctx.session.nested ??= {}
    ctx.session.nested[name] = value
    ctx.session.n = n
  },
  drop (ctx, { name, n }) {
    delete ctx.session[name]
    ctx.session.n = n
  },
  replace (ctx, { user, n }) {
    ctx.session = { user, n, replaced: true }
  },
  regenerate (ctx, { n }) {
    ctx.sessionHandler.regenerateId()
    ctx.session.n = n
  },
  move (ctx) {
    ctx.sessionHandler.regenerateId()
  },
  logout (ctx) {
    ctx.session = null
  },
  empty (ctx) {
    for (const name of Object.keys(ctx.session)) delete ctx.session[name]
  }
}

// Each request is answered with what it found, and then did.
const app = (side, middleware, failures) => {
  const app = new Koa().use(middleware).use((ctx) => {
    const found = structuredClone(ctx.session)
    actions[ctx.path.slice(1)](ctx, JSON.parse(ctx.query.with ?? '{}'))
    ctx.set('x-side', side)
    ctx.body = found
  })
  app.on('error', (error) => failures.push(error))
  for (const event of ['session:gone', 'session:invalid', 'session:unsent']) app.on(event, () => failures.push(event))
  return app.callback()
}

// The actions of a visitor, and of somebody who is logged in, as often as they are to come.
const bag = (counts) => Object.entries(counts).flatMap(([name, count]) => Array(count).fill(name))
const outside = bag({ read: 1, login: 4, change: 1 })
const inside = bag({ read: 6, login: 2, change: 5, nest: 3, drop: 2, replace: 1, regenerate: 3, move: 1, logout: 2, empty: 1, replay: 1 })
const newcomer = inside.filter((action) => action !== 'replay')
const names = ['a', 'b', 'cart', 'é😀', '__proto__x']

class Client {
  /** What the session is by now. */
  session = {}
  handovers = { [OLD]: 0, [NEW]: 0 }
  former = []
  n = 0
  side

  constructor (number, seed, url, redis) {
    this.browser = new Browser(url)
    this.redis = redis
    this.number = number
    this.random = random(seed + number)
  }

  pick (list) {
    return list[Math.floor(this.random() * list.length)]
  }

  get id () {
    return this.browser.cookies.get(KEY)
  }

  async step () {
    const action = this.pick(this.id === undefined ? outside : this.former.length > 0 ? inside : newcomer)
    if (action === 'replay') return this.replay()
    const given = { n: ++this.n, user: `user ${this.number}`, name: this.pick(names), value: `${this.pick(names)} ${this.n}` }
    const before = this.id
    const { status, headers, body, setCookie } = await this.browser.get(`/${action}?with=${encodeURIComponent(JSON.stringify(given))}`)
    const side = headers.get('x-side')
    const told = `client ${this.number}, request ${this.n}: ${action} on ${side}, after ${this.side}`
    if (this.side !== undefined && side !== this.side) this.handovers[side]++
    this.side = side
    assert.equal(status, 200, told)
    assert.deepEqual(JSON.parse(body), this.session, `${told}: what was found`)
    this.become(action, given)
    await this.written(side, before, setCookie, told)
  }

  /** Does to our own copy what the app does to the session. */
  become (action, given) {
    const ctx = { session: this.session, sessionHandler: { regenerateId () {} } }
    actions[action](ctx, given)
    this.session = ctx.session ?? {}
  }

  /** koa-session-minimal answers before it has written: its writes are waited for; ours are there. */
  async written (side, before, setCookie, told) {
    const empty = Object.keys(this.session).length === 0
    assert.equal(this.id === undefined, empty, `${told}: a cookie if, and only if, there is a session`)
    if (before !== undefined && this.id !== before) this.former.push(before)
    const visible = async () => {
      if (!empty) assert.deepEqual(JSON.parse(await this.redis.get(`${KEY}:${this.id}`)), this.session, `${told}: the record`)
      if (before !== undefined && this.id !== before) assert.equal(await this.redis.exists(`${KEY}:${before}`), 0, `${told}: the former record`)
      return true
    }
    if (side === OLD && setCookie.length > 0) await until(told, visible, { within: 5000, every: 1 })
    else await visible()
  }

  /** Somebody comes with a cookie of the past: nothing is there, and nothing is made of it. */
  async replay () {
    const id = this.pick(this.former)
    const { headers, body, setCookie } = await this.browser.get('/read', `${KEY}=${id}`)
    assert.deepEqual([body, setCookie], ['{}', []], `client ${this.number}: a replayed cookie on ${headers.get('x-side')}`)
  }
}

for (const { name, program } of servers) {
  test(`koa-session-minimal and this package side by side on ${name}`, async (t) => {
    const seed = Number(process.env.ROLLOUT_SEED ?? randomInt(2 ** 31))
    const redis = await startRedis({ program })
    t.teardown(() => redis.stop())
    const store = new native.RedisStore({ url: redis.url })
    t.teardown(() => store.close())
    const cookie = { maxAge: MAX_AGE }
    const failures = []
    const sides = [
      app(OLD, minimal({ key: KEY, cookie, store: redisStore({ client: redis.client() }) }), failures),
      app(NEW, native({ key: KEY, cookie, store, adoptUnknownIds: true }), failures)
    ]
    let requests = 0
    const balancer = http.createServer((req, res) => sides[requests++ % sides.length](req, res)).listen(0, '127.0.0.1')
    await once(balancer, 'listening')
    t.teardown(() => {
      balancer.close()
      balancer.closeAllConnections()
    })

    const client = redis.client()
    const url = `http://127.0.0.1:${balancer.address().port}`
    const clients = Array.from({ length: CLIENTS }, (_, number) => new Client(number, seed, url, client))
    try {
      await Promise.all(clients.map(async (each) => {
        for (let n = 0; n < REQUESTS / CLIENTS; n++) await each.step()
      }))
    } catch (error) {
      error.message += `\nagain with ROLLOUT_SEED=${seed}`
      throw error
    }
    t.deepEqual(failures, [], `with ROLLOUT_SEED=${seed}`)
    t.is(requests, REQUESTS)

    const expected = clients.filter(({ id }) => id !== undefined).map(({ id }) => `${KEY}:${id}`)
    t.deepEqual((await client.keys('*')).sort(), expected.sort(), `no record too few or too many, with ROLLOUT_SEED=${seed}`)
    for (const key of expected) {
      const ttl = await client.pttl(key)
      t.true(ttl > 0 && ttl <= MAX_AGE, `its time to live is ${ttl} ms`)
    }
    const handovers = (side) => clients.reduce((sum, each) => sum + each.handovers[side], 0)
    t.true(handovers(OLD) > REQUESTS / 10 && handovers(NEW) > REQUESTS / 10)
    t.log(`${redis.about()}: ${requests} requests, ${handovers(NEW)} handed over to this package and ${handovers(OLD)} back; seed ${seed}`)
  })
}
