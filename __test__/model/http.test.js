'use strict'

const test = require('ava')
const fc = require('fast-check')
const { once } = require('node:events')
const http = require('node:http')
const Koa = require('koa')
const session = require('../..')
const { startRedis } = require('../helpers/redis-server')
const { gate } = require('../helpers/serve')
const { commit } = require('./reference')

// Random interleavings of requests over real HTTP, on Redis and on the memory store, against the model. A request is
// under way from its `start` (its session is loaded) to its `end` (it has changed and committed); which of them are
// under way at once, and in which order they end, is what fast-check draws, and prints with its seed when it fails.

const RUNS = { Redis: 2000, memory: 500 }

const key = fc.constantFrom('a', 'b', 'c')
const value = fc.oneof(fc.integer({ min: 0, max: 2 }), fc.constantFrom('é', null, [1]), fc.dictionary(key, fc.integer({ min: 0, max: 2 }), { maxKeys: 2, noNullPrototype: true }))
const change = fc.oneof(
  { weight: 5, arbitrary: fc.record({ set: key, value }) },
  { weight: 2, arbitrary: fc.record({ inside: key, name: key, value: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 2, arbitrary: fc.record({ remove: key }) },
  { weight: 1, arbitrary: fc.constantFrom({ clear: 'null' }, { clear: 'delete' }, { clear: '{}' }) },
  { weight: 1, arbitrary: fc.constant({ empty: true }) },
  { weight: 1, arbitrary: fc.constant({ regenerate: true }) }
)
const step = fc.oneof(
  { weight: 1, arbitrary: fc.record({ start: fc.integer({ min: 0, max: 3 }), changes: fc.array(change, { maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ end: fc.nat(3) }) }
)

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

// What changes do to a session: null where one was assigned that is empty in the end.
const apply = (session, changes) => {
  let now = session
  let assigned = false
  for (const { set, value, inside, name, remove, clear, empty } of changes) {
    if (clear) [now, assigned] = [{}, true]
    else if (set) now = { ...now, [set]: value }
    else if (inside && isObject(now[inside])) now = { ...now, [inside]: { ...now[inside], [name]: value } }
    else if (remove) now = Object.fromEntries(Object.entries(now).filter(([name]) => name !== remove))
    else if (empty) now = {}
  }
  return assigned && Object.keys(now).length === 0 ? null : now
}

const handle = (ctx, changes) => {
  for (const { set, value, inside, name, remove, clear, empty, regenerate } of changes) {
    if (clear === 'null') ctx.session = null
    else if (clear === 'delete') delete ctx.session
    else if (clear) ctx.session = {}
    else if (regenerate) ctx.sessionHandler.regenerateId()
    else if (set || inside || remove) {
      ctx.session ??= {}
      if (set) ctx.session[set] = value
      else if (remove) delete ctx.session[remove]
      else if (isObject(ctx.session[inside])) ctx.session[inside][name] = value
    } else if (empty) for (const name of Object.keys(ctx.session ?? {})) delete ctx.session[name]
  }
}

const serveGated = async (t, store) => {
  const underWay = new Map()
  const app = new Koa()
  const gone = []
  app.on('error', (error) => t.fail(String(error)))
  app.on('session:gone', ({ ctx }) => gone.push(ctx.get('x-request')))
  app.use(session({ store }))
  app.use(async (ctx) => {
    const { changes, loaded, ending } = underWay.get(ctx.get('x-request'))
    loaded.open()
    await ending.passed
    handle(ctx, changes)
    ctx.body = 'done'
  })
  const server = http.createServer(app.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new http.Agent({ keepAlive: true })
  t.teardown(() => {
    agent.destroy()
    server.close()
  })
  let requests = 0
  const start = async (id, changes) => {
    const name = String(requests++)
    const request = { name, changes, loaded: gate(), ending: gate() }
    underWay.set(name, request)
    const headers = id === undefined ? { 'x-request': name } : { 'x-request': name, cookie: `koa:sess=${id}` }
    request.answer = once(http.get({ host: '127.0.0.1', port: server.address().port, headers, agent }), 'response')
    request.answer.catch(() => {}) // a run that fails leaves its requests behind
    const early = request.answer.then(([{ statusCode }]) => { throw new Error(`answered ${statusCode} before its session was loaded`) })
    await Promise.race([request.loaded.passed, early])
    early.catch(() => {})
    return request
  }
  const end = async (request) => {
    request.ending.open()
    const [response] = await request.answer
    await response.toArray()
    underWay.delete(request.name)
    const [line] = response.headers['set-cookie'] ?? []
    return { status: response.statusCode, value: line && /^koa:sess=([^;]*)/.exec(line)[1], gone: gone.includes(request.name) }
  }
  return { start, end }
}

const stores = {
  memory: () => {
    const store = new session.MemoryStore()
    return { store, read: (keys) => keys.map((key) => store.get(key)), close () {} }
  },
  Redis: async () => {
    const redis = await startRedis()
    const client = redis.client()
    const store = new session.RedisStore({ url: redis.url, connectTimeoutMs: 20000, commandTimeoutMs: 20000 })
    const read = async (keys) => (await client.mget(keys)).map((text) => text === null ? undefined : JSON.parse(text))
    return { store, read, close: () => store.close().then(() => redis.stop()) }
  }
}

for (const [name, make] of Object.entries(stores)) {
  test(`${RUNS[name]} interleavings over HTTP on ${name} end as in the model`, async (t) => {
    t.timeout(300000)
    const { store, read, close } = await make()
    t.teardown(close)
    const { start, end } = await serveGated(t, store)
    const runs = fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 14 }), async (steps) => {
      const records = new Map() // by the model's ids, which the real ones are found by
      const ids = [undefined]
      const underWay = []
      const check = async (request) => {
        const { id, changes, base } = request.model
        const regenerated = changes.some(({ regenerate }) => regenerate)
        const now = apply(base ?? {}, changes)
        const newId = Symbol(String(ids.length))
        const expected = commit(records, { id, base, now, regenerated }, newId)
        const { status, value, gone } = await end(request)
        if (status !== 200) throw new Error(`status ${status}`)
        const seen = gone ? 'gone' : value === undefined ? 'none' : value === '' ? 'deleted' : value === id?.description ? 'kept' : 'new'
        if (seen !== expected) throw new Error(`the client sees ${seen} instead of ${expected}`)
        if (seen !== 'new') return
        const known = Symbol(value)
        records.set(known, records.get(newId))
        records.delete(newId)
        ids.push(known)
      }
      for (const { start: back, end: place, changes } of steps) {
        if (changes) {
          const id = ids[Math.max(0, ids.length - 1 - back)]
          const request = await start(id?.description, changes)
          request.model = { id, changes, base: structuredClone(records.get(id)) }
          underWay.push(request)
        } else if (underWay.length > 0) {
          await check(underWay.splice(place % underWay.length, 1)[0])
        }
      }
      for (const request of underWay) await check(request)
      const known = ids.slice(1)
      if (known.length === 0) return
      const held = await read(known.map((id) => `koa:sess:${id.description}`))
      t.deepEqual(held, known.map((id) => records.get(id)))
    })
    await fc.assert(runs, { includeErrorInReport: true, numRuns: RUNS[name], seed: Number(process.env.SEED) || undefined })
  })
}
