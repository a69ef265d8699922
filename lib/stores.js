'use strict'

const { EventEmitter } = require('node:events')
const native = require('./native')
const driver = require('./driver')
const { SessionOptionError, SessionStoreError } = require('./errors')
const { JsStore } = require('./js-store')
const { serialize } = require('./json')
const { memoryOptions, redisOptions, string } = require('./options')

const ONE_DAY = 24 * 3600 * 1000 // in milliseconds

// koa-session passes 'session' and koa-generic-session nothing, where they have no TTL.
const ttlOf = (ttl) => typeof ttl === 'number' && ttl > 0 && ttl < Infinity ? ttl : ONE_DAY

const textOf = (session) => serialize(session) ?? 'null'

const parse = (text) => text == null ? undefined : JSON.parse(text)

// What a load answers, where nothing is there.
const NOTHING = { text: null, value: undefined }

const recordOf = (text) => text == null ? NOTHING : { text, value: undefined }

// A native store as the middleware sees it: load and commit. src/store/mod.rs has the contract.
const BACKEND = Symbol('backend')
const ON_EVENT = Symbol('on event')

class MemoryBackend {
  constructor (handle) {
    this.handle = handle
    this.warned = false
  }

  load (key) {
    return recordOf(native.memoryLoad(this.handle, key))
  }

  find (key) {
    const [text = null, ttl, found] = native.memoryFind(this.handle, key) ?? []
    return { text, value: undefined, ttl, key: found ?? key }
  }

  commit ({ plan, flags, key, newKey, record, text, ttl, grace }) {
    const result = this.write(native.memoryCommit, plan, flags, key, newKey, record.text, text, ttl, grace)
    if (Array.isArray(result)) return { status: result[0], text: result[1] ?? text, key: result[2] }
    return typeof result === 'string' ? { status: native.Outcome.Saved, text: result } : { status: result, text }
  }

  write (call, ...args) {
    try {
      return call(this.handle, ...args)
    } catch (error) {
      throw new SessionStoreError(error.message)
    } finally {
      if (!this.warned) this.warnOfEviction()
    }
  }

  warnOfEviction () {
    const [, , evicted] = native.memoryStats(this.handle)
    if (evicted === 0) return
    this.warned = true
    process.emitWarning('the memory store is full: the least recently used sessions are dropped before their time (maxBytes)', 'SessionWarning')
  }
}

class MemoryStore {
  constructor (options) {
    this[BACKEND] = new MemoryBackend(native.memoryOpen(memoryOptions(options).maxBytes))
  }

  get (key) {
    return parse(native.memoryLoad(this[BACKEND].handle, string('store key', key)))
  }

  set (key, session, ttl) {
    this[BACKEND].write(native.memorySet, string('store key', key), textOf(session), ttlOf(ttl))
  }

  destroy (key) {
    native.memoryDestroy(this[BACKEND].handle, string('store key', key))
  }
}

// koa-imsession's store: promises, and nothing but objects.
class ImMemoryStore extends MemoryStore {
  constructor (options) {
    super(options)
    if (process.env.NODE_ENV !== 'test') warnOnce()
  }

  async get (key) {
    return super.get(key)
  }

  async set (key, session, ttl) {
    checkSession(session)
    super.set(key, session, ttl)
  }

  async destroy (key) {
    super.destroy(key)
  }
}

const checkSession = (session) => {
  if (typeof session !== 'object' || session === null) throw new TypeError('session data must be an object')
}

let warnOnce = () => {
  process.emitWarning('the memory store is for one process: its sessions are seen by no other, and end with it', 'SessionWarning')
  warnOnce = () => {}
}

class RedisBackend {
  constructor (channel, prefix) {
    this.channel = channel
    this.prefix = prefix
    this.status = 'idle'
  }

  submit (call, ...args) {
    return driver.submit(this.channel, call, ...args)
  }

  async load (key) {
    const { text } = await this.submit(native.redisLoad, this.prefix + key).catch(orJunk)
    return recordOf(text)
  }

  async find (key) {
    const { text = null, ttl, key: found } = await this.submit(native.redisFind, this.prefix + key).catch(orJunk)
    return { text, value: undefined, ttl: ttl < 0 ? undefined : ttl, key: found?.slice(this.prefix.length) ?? key }
  }

  async commit ({ plan, flags, key, newKey, record, text, ttl, grace }) {
    const { prefix } = this
    const result = await this.submit(native.redisCommit, plan, flags, prefix + key, newKey && prefix + newKey, record.text, text, ttl, grace)
    result.text ??= text
    result.key = result.key?.slice(prefix.length)
    return result
  }
}

// What is no string is no session, as what is no object is none; it is not to fail each of the user's requests.
const orJunk = (error) => {
  if (!error.message.includes('WRONGTYPE')) throw error
  return { text: 'null' }
}

class RedisStore extends EventEmitter {
  constructor (options) {
    super()
    const checked = redisOptions(options)
    // An old id and its pointer share a slot by the braces around the id's key.
    if (checked.cluster && /[{}]/.test(checked.prefix)) throw new SessionOptionError('prefix', undefined, 'in a cluster, a string without { and }')
    const store = new WeakRef(this) // events alone keep no store
    const onEvent = (name, error) => store.deref()?.[ON_EVENT](name, error)
    try {
      this[BACKEND] = new RedisBackend(driver.open(checked, onEvent), checked.prefix)
    } catch (error) {
      // Not the value: there may be a password in it.
      const [name, accepted] = error.message.split(/: (.*)/s)
      throw new SessionOptionError(name, undefined, accepted)
    }
  }

  get status () {
    return this[BACKEND].status
  }

  async get (key) {
    const backend = this[BACKEND]
    const { text } = await backend.submit(native.redisLoad, backend.prefix + string('store key', key))
    return parse(text)
  }

  async set (key, session, ttl) {
    checkSession(session)
    const backend = this[BACKEND]
    await backend.submit(native.redisSet, backend.prefix + string('store key', key), textOf(session), ttlOf(ttl))
  }

  async destroy (key) {
    const backend = this[BACKEND]
    await backend.submit(native.redisDestroy, backend.prefix + string('store key', key))
  }

  async ping () {
    await this[BACKEND].submit(native.redisPing)
  }

  async close () {
    await driver.close(this[BACKEND].channel)
    this[BACKEND].status = 'closed'
  }

  [ON_EVENT] (name, error) {
    const backend = this[BACKEND]
    if (name === 'connect') backend.status = 'ready'
    else if (name === 'connecting') backend.status = backend.status === 'idle' ? name : backend.status
    else if (name === 'disconnect' || backend.status === 'connecting') backend.status = 'down'
    // Events are for who listens: an `error` without a listener must not end the process.
    if (name !== 'connecting' && this.listenerCount(name) > 0) this.emit(name, ...error === undefined ? [] : [error])
  }
}

// Are get, set and destroy the store's own? One that has others is the user's.
const isNative = (store) => [MemoryStore, ImMemoryStore, RedisStore].some(({ prototype: ours }) => {
  return store.get === ours.get && store.set === ours.set && store.destroy === ours.destroy
})

// A store behind the contract. Middlewares that share a JavaScript store share what is known of its keys.
const backendOf = (store, timeoutMs) => {
  if (isNative(store)) return store[BACKEND]
  if (!jsStores.has(store)) jsStores.set(store, new JsStore(store))
  return Object.create(jsStores.get(store), { timeoutMs: { value: timeoutMs } })
}
const jsStores = new WeakMap()

// A new id is drawn again when its key is taken, which happens to no random one.
const NEW_ID_TRIES = 5

module.exports = { ImMemoryStore, MemoryStore, RedisStore, NEW_ID_TRIES, NOTHING, ONE_DAY, backendOf, isNative }
