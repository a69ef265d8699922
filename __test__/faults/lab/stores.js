'use strict'

// What a contestant keeps its sessions in, as a test handles it. Whatever it is, it can be made to fail and to wait, and
// be looked into behind the contestant's back:
//
//   fail(method, how)   'rejects', 'throws', 'never answers' or 'is killed', from now on; heal() ends that
//   hold(method)        lets calls wait: { arrived, a promise of the first one; release() }
//   has(key), put(key, text), size(), ttl(key), reads()     keys and JSON text, as they are stored
//   settled()           what the contestant left floating has come to an end

const { setTimeout: delay } = require('node:timers/promises')

const redisStore = require('koa-redis')

const native = require('../../../lib/native')
const { MemoryStore, RedisStore } = require('../../..')
const { gate } = require('./gate')

const never = new Promise(() => {})
// Unlike events.once, whatever errors come before.
const emitted = (emitter, event) => new Promise((resolve) => { emitter.once(event, resolve) })

const refused = () => new Error('refused by the test')

/** How many characters are more than our memory store takes, and nothing to the others. */
const tooMuch = 200000

/** A user's own store: asynchronous, and holding JSON. */
class MapStore {
  records = new Map()

  async get (key) {
    const record = this.records.get(key)
    return record && JSON.parse(record.text)
  }

  async set (key, session, ttl) {
    this.records.set(key, { text: JSON.stringify(session), ttl })
  }

  async destroy (key) {
    this.records.delete(key)
  }
}

/** A store that is a JavaScript object: its methods are replaced by those that fail, wait, or count. */
class JavaScriptStore {
  note = 'a note'
  #reads = 0
  #floating = new Set()
  #faults = {}

  constructor (store) {
    this.store = store
    for (const method of ['get', 'set', 'destroy']) {
      const original = store[method].bind(store)
      store[method] = (...args) => {
        if (method === 'get') this.#reads++
        return this.#track(this.#faults[method] ? this.#faults[method](original, args) : original(...args))
      }
    }
  }

  fail (method, how) {
    this.#faults[method] = {
      rejects: async () => { throw refused() },
      throws: () => { throw refused() },
      'never answers': () => never
    }[how]
  }

  heal () {
    this.#faults = {}
  }

  hold (method) {
    const [arrived, open] = [gate(), gate()]
    this.#faults[method] = async (original, args) => {
      arrived.open()
      await open
      return original(...args)
    }
    return { arrived, release: () => { this.heal(); open.open() } }
  }

  reads () {
    return this.#reads
  }

  async settled () {
    while (this.#floating.size > 0) await Promise.all(this.#floating)
  }

  #track (answer) {
    if (typeof answer?.then === 'function' && answer !== never) {
      const settled = Promise.allSettled([answer]).then(() => this.#floating.delete(settled))
      this.#floating.add(settled)
    }
    return answer
  }
}

class OnMap extends JavaScriptStore {
  constructor () {
    super(new MapStore())
  }

  has (key) {
    return this.store.records.has(key)
  }

  put (key, text) {
    this.store.records.set(key, { text })
  }

  size () {
    return this.store.records.size
  }

  ttl (key) {
    return this.store.records.get(key).ttl
  }

  close () {}
}

/** koa-session-minimal's memory store, which holds the live objects. */
class OnObjects extends JavaScriptStore {
  constructor () {
    const Store = require('koa-session-minimal/src/memory_store')
    super(new Store())
  }

  has (key) {
    return Object.hasOwn(this.store.sessions, key)
  }

  put (key, text) {
    this.store.sessions[key] = JSON.parse(text)
  }

  size () {
    return Object.keys(this.store.sessions).length
  }

  ttl () {}

  close () {
    Object.values(this.store.timeouts).forEach(clearTimeout)
  }
}

/** Our memory store. It is a part of this process, and so can neither fail nor wait; only a write can be too large. */
class OnNativeMemory {
  note = 'a note'

  constructor () {
    this.store = new MemoryStore({ maxBytes: tooMuch })
    const [backend] = Object.getOwnPropertySymbols(this.store)
    this.handle = this.store[backend].handle
  }

  fail (method, how) {
    if (method !== 'set' || how !== 'rejects') throw new Error(`${method} ${how}: our memory store cannot`)
    this.note = 'x'.repeat(tooMuch)
  }

  heal () {
    this.note = 'a note'
  }

  hold () {
    return { arrived: never, release () {} }
  }

  has (key) {
    return native.memoryLoad(this.handle, key) !== null
  }

  put (key, text) {
    native.memorySet(this.handle, key, text, 60000)
  }

  size () {
    return native.memoryStats(this.handle)[0]
  }

  ttl () {}

  reads () {}

  async settled () {}

  close () {}
}

const forbidden = { get: ['-get'], set: ['-set', '-setex'], destroy: ['-del'] }

/** A real Redis server. It refuses commands by its access control, waits when told to, and stops and dies by signals. */
class OnRedis {
  static needsServer = true
  note = 'a note'
  #signalled

  constructor (redis) {
    this.redis = redis
    this.client = redis.client()
  }

  async fail (method, how) {
    if (how === 'rejects') return this.client.acl('SETUSER', 'default', ...forbidden[method])
    if (how === 'throws') this.store[method] = () => { throw refused() }
    else if (how === 'never answers') this.redis.pause()
    else await Promise.all([this.noticed(), this.redis.kill()])
    this.#signalled = how
  }

  async heal () {
    if (this.#signalled === 'throws') ['get', 'set', 'destroy'].forEach((method) => delete this.store[method])
    else if (this.#signalled === 'never answers') this.redis.resume()
    else if (this.#signalled === 'is killed') await this.redis.restart()
    else if (this.#signalled === undefined) await this.client.acl('SETUSER', 'default', '+@all')
    this.#signalled = undefined
  }

  async hold () {
    await this.client.client('PAUSE', 60000, 'WRITE')
    const held = { released: false }
    const release = () => {
      held.released = true
      return this.client.client('UNPAUSE')
    }
    return { arrived: this.#blocked(held), release }
  }

  async has (key) {
    return await this.client.exists(key) === 1
  }

  put (key, text) {
    return this.client.set(key, text)
  }

  size () {
    return this.client.dbsize()
  }

  ttl (key) {
    return this.client.pttl(key)
  }

  async reads () {
    const stats = await this.client.info('commandstats')
    return Number(/^cmdstat_get:calls=(\d+)/m.exec(stats)?.[1] ?? 0)
  }

  async settled () {}

  /** The connection's end has been noticed; where that cannot be seen, by a client of the test. */
  noticed () {
    return emitted(this.client, 'close')
  }

  // Some client's command is kept waiting.
  async #blocked (held) {
    while (!held.released && !/ flags=\w*b/.test(await this.client.client('LIST'))) await delay(1)
  }
}

class OnNativeRedis extends OnRedis {
  constructor (redis) {
    super(redis)
    this.store = new RedisStore({ url: redis.url, connectTimeoutMs: 1000, commandTimeoutMs: 1000 })
  }

  close () {
    return this.store.close()
  }
}

class OnKoaRedis extends OnRedis {
  #floating = new Set()

  constructor (redis) {
    super(redis)
    this.store = redisStore({ client: redis.client() })
    const send = this.store.client.sendCommand
    const floating = this.#floating
    this.store.client.sendCommand = function (command, ...rest) {
      const settled = Promise.allSettled([command.promise]).then(() => floating.delete(settled))
      floating.add(settled)
      return send.call(this, command, ...rest)
    }
  }

  async settled () {
    while (this.#floating.size > 0) await Promise.all(this.#floating)
  }

  noticed () {
    return emitted(this.store.client, 'close')
  }

  close () {}
}

class OnConnectRedis extends OnRedis {
  constructor (redis) {
    super(redis)
    const { createClient } = require('redis')
    const { RedisStore } = require('connect-redis')
    this.connection = createClient({ url: redis.url }).on('error', () => {})
    this.store = new RedisStore({ client: this.connection })
  }

  async open () {
    await this.connection.connect()
  }

  noticed () {
    return emitted(this.connection, 'reconnecting')
  }

  close () {
    this.connection.destroy()
  }
}

module.exports = { OnConnectRedis, OnKoaRedis, OnMap, OnNativeMemory, OnNativeRedis, OnObjects }
