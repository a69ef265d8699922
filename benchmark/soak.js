'use strict'

// npm run soak [-- --seconds 60] [-- --seed N]
//
// Mixed load on one Redis through random faults: the server is paused, killed and restarted, connections are cut,
// replies are delayed, dripped and lost. At the end every acknowledged write has to be there, the resident memory flat,
// every promise settled and the counters have to add up; the exit code is 1 otherwise. The server is `REDIS_SERVER`, or
// with `--valkey` `VALKEY_SERVER`.

const { randomInt } = require('node:crypto')
const { once } = require('node:events')
const http = require('node:http')
const { setTimeout: delay } = require('node:timers/promises')
const { parseArgs, inspect } = require('node:util')
const Koa = require('koa')
const session = require('..')
const { startProxy } = require('../__test__/helpers/proxy')
const { startRedis } = require('../__test__/helpers/redis-server')
const { until } = require('../__test__/helpers/until')

const { values: { seconds, seed: given, valkey } } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, valkey: { type: 'boolean', default: false } }
})
const seed = given === undefined ? randomInt(2 ** 31) : Number(given)

const KEY = 'sid'
const USERS = 60 // over HTTP, each with a session
const WRITERS = 60 // on the store itself, each with keys of its own
const KEYS = 20 // of each writer
const TTL_MS = 3600000
const COMMAND_TIMEOUT_MS = 300
const BACK_MS = 5000
const RSS_SLACK = 16 * 1024 * 1024

// mulberry32
let state = seed
const random = () => {
  state = (state + 0x6d2b79f5) | 0
  let n = Math.imul(state ^ (state >>> 15), 1 | state)
  n = (n + Math.imul(n ^ (n >>> 7), 61 | n)) ^ n
  return ((n ^ (n >>> 14)) >>> 0) / 4294967296
}
const between = (least, most) => least + Math.floor(random() * (most - least + 1))

const counters = { requests: 0, served: 0, unavailable: 0, appErrors: 0, unremoved: 0, commands: 0, done: 0, refused: 0, faults: {} }
const wrong = []
const complain = (what) => {
  if (wrong.length < 20) wrong.push(what)
}
const load = { stopped: false }

// What one key may hold: the last acknowledged value, or one that was tried since and whose answer was lost.
class Expectation {
  constructor () {
    this.acknowledged = undefined
    this.tried = new Set()
  }

  async write (value, carryOut) {
    this.tried.add(value)
    if (!await carryOut()) return
    this.acknowledged = value
    this.tried.clear()
  }

  allows (value) {
    return value === this.acknowledged || this.tried.has(value)
  }

  toString () {
    return [this.acknowledged, ...this.tried].slice(0, 20).join(' or ')
  }
}

// A user of the app: counts, drops, regenerates and logs out, one request at a time.
class User {
  expectation = new Expectation()
  cookie
  n = 0

  async step (url) {
    const n = ++this.n
    const action = random() < 0.05 ? 'regenerate' : random() < 0.02 ? 'logout' : random() < 0.3 ? 'read' : 'count'
    const { headers, status, body } = await this.request(`${url}/${action}?n=${n}`)
    counters.requests++
    if (status !== 200 && status !== 503) complain(`an answer is ${status}: ${body}`)
    if (status === 503) counters.unavailable++
    else counters.served++
    if (status === 200) this.found(body === '' ? undefined : Number(body), action)
    const value = { count: n, regenerate: n, logout: undefined }[action]
    if (action !== 'read') await this.expectation.write(value, () => status === 200)
    for (const line of headers.getSetCookie()) {
      const [, id] = /^sid=([^;]*)/.exec(line)
      // A session that ended and began again has a history of its own.
      this.cookie = id || undefined
    }
    return status
  }

  found (value, action) {
    if (!this.expectation.allows(value)) complain(`${action} found ${value}, ${this.expectation} expected`)
  }

  async request (url) {
    const response = await fetch(url, { headers: this.cookie ? { cookie: `${KEY}=${this.cookie}` } : {} })
    return { headers: response.headers, status: response.status, body: await response.text() }
  }
}

// Writes and destroys on the store, one command of each key at a time.
class Writer {
  constructor (number) {
    this.keys = Array.from({ length: KEYS }, (_, n) => ({ key: `writer ${number} ${n}`, expectation: new Expectation() }))
    this.n = 0
  }

  async step (store) {
    await Promise.all(this.keys.filter(() => random() < 0.5).map(({ key, expectation }) => this.command(store, key, expectation)))
  }

  async command (store, key, expectation) {
    const chance = random()
    if (chance < 0.3) {
      const answer = await attempt(() => store.get(key))
      if (answer.done && !expectation.allows(answer.value?.n)) complain(`get found ${answer.value?.n}, ${expectation} expected`)
    } else if (chance < 0.4) {
      await expectation.write(undefined, async () => (await attempt(() => store.destroy(key))).done)
    } else {
      const n = ++this.n
      await expectation.write(n, async () => (await attempt(() => store.set(key, { n, text: 'x'.repeat(between(0, 2000)) }, TTL_MS))).done)
    }
  }
}

const attempt = async (command) => {
  counters.commands++
  try {
    const value = await command()
    counters.done++
    return { done: true, value }
  } catch (error) {
    counters.refused++
    if (error.code !== 'ERR_SESSION_STORE') complain(`a command rejects with ${error.stack}`)
    return { done: false }
  }
}

// What befalls the server; each fault is over when its promise is settled.
const faultsOf = (redis, proxy) => ({
  async pause () {
    redis.pause()
    await delay(between(50, 1500))
    redis.resume()
  },
  async kill () {
    await redis.kill()
    await delay(between(0, 1000))
    await redis.restart()
  },
  async cut () {
    proxy.cut()
  },
  async 'cut in mid-reply' () {
    await Promise.race([proxy.cutAfter(between(0, 5000)), delay(1000)])
  },
  async delay () {
    proxy.delay = between(1, 400)
    await delay(between(50, 1000))
    proxy.delay = 0
  },
  async drip () {
    proxy.drip = true
    await delay(between(50, 1000))
    proxy.drip = false
  },
  async 'lose replies' () {
    proxy.hold()
    await delay(between(50, 800))
    proxy.cut()
    proxy.release()
  }
})

const ended = (promise, what) => Promise.race([promise, delay(30000, undefined, { ref: false }).then(() => { throw new Error(`${what} does not end`) })])

const rss = () => {
  global.gc?.()
  return process.memoryUsage().rss
}

const mebibytes = (bytes) => `${(bytes / 1048576).toFixed(1)} MiB`

const main = async () => {
  const start = performance.now()
  const rejections = []
  process.on('unhandledRejection', (error) => rejections.push(error))
  // What was written is in the operating system's hands when it is answered: a killed server has it when it is back.
  const redis = await startRedis({ program: valkey ? process.env.VALKEY_SERVER : undefined, args: ['--appendonly', 'yes', '--appendfsync', 'no'] })
  const proxy = await startProxy(redis.port)
  console.log(`${redis.about()}, ${seconds} s, seed ${seed}`)

  const store = new session.RedisStore({ url: proxy.url, commandTimeoutMs: COMMAND_TIMEOUT_MS })
  const events = { connect: 0, disconnect: 0, error: 0, reconnecting: 0 }
  for (const name of Object.keys(events)) store.on(name, () => events[name]++)
  const app = new Koa().use(session({ store, key: KEY, cookie: { maxAge: TTL_MS } })).use((ctx) => {
    const { n } = ctx.session
    ctx.body = n === undefined ? '' : String(n)
    const action = ctx.path.slice(1)
    if (action === 'logout') ctx.session = null
    if (action === 'regenerate') ctx.sessionHandler.regenerateId()
    if (action === 'regenerate' || action === 'count') ctx.session.n = Number(ctx.query.n)
  })
  const told = new WeakMap() // errors, by response
  app.on('error', (error, { res, path }) => {
    counters.appErrors++
    if (error.status !== 503) complain(`the app is told of ${error.stack}`)
    if (told.has(res)) complain(`the app is told twice of ${path}`)
    told.set(res, path)
    // A session that was regenerated, and whose former record could not be removed, is told of and served.
    res.once('finish', () => {
      if (res.statusCode === 503) return
      counters.unremoved++
      if (path !== '/regenerate') complain(`${path} is served, and the app is told of ${error.stack}`)
    })
  })
  app.on('session:gone', () => complain('a session has gone'))
  const server = http.createServer(app.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}`

  const users = Array.from({ length: USERS }, () => new User())
  const writers = Array.from({ length: WRITERS }, (_, n) => new Writer(n))
  const loops = [
    ...users.map(async (user) => { while (!load.stopped) await delay(await user.step(url) === 503 ? 20 : between(0, 10)) }),
    ...writers.map(async (writer) => { while (!load.stopped) await Promise.all([writer.step(store), delay(20)]) })
  ]
  const loaded = Promise.all(loops)
  loaded.catch(() => {})

  const faults = Object.entries(faultsOf(redis, proxy))
  const samples = []
  const slowest = {} // milliseconds until the store served again, by fault
  while (performance.now() - start < seconds * 1000) {
    await Promise.race([delay(between(200, 1500)), loaded])
    const [name, fault] = faults[between(0, faults.length - 1)]
    counters.faults[name] = (counters.faults[name] ?? 0) + 1
    await fault()
    const over = performance.now()
    await until('the store is back', () => store.ping().then(() => true), { within: BACK_MS, every: 5 })
    slowest[name] = Math.max(slowest[name] ?? 0, Math.round(performance.now() - over))
    samples.push(rss())
  }
  load.stopped = true
  await ended(loaded, 'the load')

  await until('the store is back', () => store.ping().then(() => true), { within: BACK_MS })
  const client = redis.client()
  for (const { keys } of writers) {
    for (const { key, expectation } of keys) {
      const value = (await store.get(key))?.n
      if (!expectation.allows(value)) complain(`${key} is ${value}, ${expectation} expected`)
      if (value !== undefined && await client.pttl(key) <= 0) complain(`${key} lives for ever`)
    }
  }
  for (const { cookie, expectation } of users) {
    const value = cookie && (await store.get(`${KEY}:${cookie}`))?.n
    if (!expectation.allows(value)) complain(`a user's session is ${value}, ${expectation} expected`)
  }

  const { requests, served, unavailable, commands, done, refused, appErrors, unremoved } = counters
  if (requests !== served + unavailable) complain('requests do not add up')
  if (commands !== done + refused) complain('commands do not add up')
  if (appErrors !== unavailable + unremoved) complain(`${unavailable} requests failed, ${unremoved} left a record, and the app was told of ${appErrors}`)
  if (events.connect !== events.disconnect + 1) complain(`${events.connect} connects and ${events.disconnect} disconnects`)
  if (served < requests / 10 || done < commands / 10) complain('most of the load was refused')
  if (rejections.length > 0) complain(`unhandled rejections: ${inspect(rejections.slice(0, 3))}`)

  // The first third warms up. Of the others the later half may take no more than the earlier.
  const warm = samples.slice(Math.floor(samples.length / 3))
  const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]
  const [earlier, later] = [warm.slice(0, Math.ceil(warm.length / 2)), warm.slice(Math.floor(warm.length / 2))].map(median)
  if (later > earlier * 1.1 + RSS_SLACK) complain(`resident memory grew from ${mebibytes(earlier)} to ${mebibytes(later)}`)

  const pending = Object.getOwnPropertySymbols(store).map((symbol) => store[symbol]?.channel?.pending).find((count) => count !== undefined)
  if (pending) complain(`${pending} commands are still pending`)
  await ended(store.close(), 'close()')
  if (store.status !== 'closed') complain(`the status is ${store.status}`)
  await until('no connection is left', () => proxy.open === 0)
  server.close()
  server.closeAllConnections()
  await proxy.stop()
  await redis.stop()

  console.log(inspect({ ...counters, events, connections: proxy.accepted }, { breakLength: 120 }))
  console.log('slowest return in ms:', slowest)
  console.log(`resident memory ${mebibytes(earlier)}, then ${mebibytes(later)}`)
  wrong.forEach((what) => console.error(`wrong: ${what}`))
  console.log(wrong.length === 0 ? 'sound' : `not sound: again with --seed ${seed}`)
  process.exitCode = wrong.length === 0 ? 0 : 1
  // What still holds the process now is a leak.
  setTimeout(() => {
    console.error(`wrong: the process is held open by ${process.getActiveResourcesInfo().join(', ')}`)
    process.exit(1)
  }, 10000).unref()
}

main().catch((error) => {
  console.error(error, `\nseed ${seed}`)
  process.exit(1)
})
