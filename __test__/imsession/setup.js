'use strict'

// What the tests of imsession share: Koa 2 and 3, each kind of store, and an app of routes.

const Koa2 = require('koa2')
const Koa3 = require('koa')
const { imsession, MemoryStore, RedisStore, TTL_MS } = require('../../lib/imsession')
const { startRedis } = require('../helpers/redis-server')
const { serveApp } = require('../helpers/serve')

const HOUR = 3600 * 1000
const DAY = 24 * HOUR
const HEX_ID = /^[0-9a-f]{32}$/

const koas = { 'Koa 2': Koa2, 'Koa 3': Koa3 }

// A store as a user writes it. Its records know what is left of them instead of a clock, so that a test can say it;
// with `tells`, so does what `get` answers.
const jsStore = ({ tells = false } = {}) => {
  const records = new Map()
  return {
    records,
    get: async (id) => {
      if (!records.has(id)) return null
      const { text, ttl } = records.get(id)
      const data = JSON.parse(text)
      if (tells) data[TTL_MS] = ttl
      return data
    },
    set: async (id, data, ttl) => { records.set(id, { text: JSON.stringify(data), ttl }) },
    destroy: async (id) => { records.delete(id) }
  }
}

// Makes the stores of a test file, and starts its Redis. `age` gives a record less than a third of a day; `ids` are the
// ids of a store's records; `put` is what another program writes.
const setUp = (test) => {
  let redis, client
  test.before(async () => {
    redis = await startRedis()
    client = redis.client()
  })
  test.after.always(() => redis?.stop())

  const js = (tells) => ({
    make: () => jsStore({ tells }),
    age: (store, id) => { store.records.get(id).ttl = HOUR },
    ids: (store) => [...store.records.keys()],
    put: (store, id, text, ttl = DAY) => { store.records.set(id, { text, ttl }) }
  })
  const kinds = {
    memory: {
      make: () => new MemoryStore(),
      age: async (store, id) => store.set(id, await store.get(id), HOUR),
      put: (store, id, text, ttl = DAY) => store.set(id, JSON.parse(text), ttl)
    },
    // A prefix for each, so that a test sees its own records alone.
    Redis: {
      make: (t) => {
        const store = new RedisStore({ url: redis.url, prefix: `${Math.random()}:` })
        t.teardown(() => store.close())
        return store
      },
      age: (store, id) => client.pexpire(prefixOf(store) + id, HOUR),
      ids: async (store) => (await client.keys(`${prefixOf(store)}*`)).map((key) => key.slice(prefixOf(store).length)),
      put: (store, id, text, ttl = DAY) => client.set(prefixOf(store) + id, text, 'PX', ttl)
    },
    JavaScript: js(false),
    'JavaScript with TTL_MS': js(true)
  }
  for (const [name, kind] of Object.entries(kinds)) Object.assign(kind, { name, isJs: name.startsWith('JavaScript') })
  return { kinds, redis: () => redis, client: () => client }
}

const prefixOf = (store) => Object.getOwnPropertySymbols(store).map((symbol) => store[symbol]?.prefix).find(Boolean)

// An app whose paths are `routes`; a route that gives no body answers with the session as it is in the end.
const start = async (t, { Koa = Koa3, form = 'options', before = [], ...options }, routes = {}) => {
  const app = new Koa()
  const middleware = form === 'app' ? imsession(app, options) : imsession(options)
  const served = await serveApp(t, app, ...before, middleware, async (ctx) => {
    await routes[ctx.path.slice(1)]?.(ctx)
    if (ctx.body === undefined) ctx.body = JSON.stringify(ctx.session)
  })
  const user = async (path) => {
    const user = served.browser()
    await user.get(path)
    return user
  }
  return { ...served, user }
}

const idOf = (user, name = 'connsid') => user.cookies.get(name)

module.exports = { DAY, HEX_ID, HOUR, idOf, jsStore, koas, setUp, start }
