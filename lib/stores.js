'use strict'

const { EventEmitter } = require('node:events')
const native = require('./addon')
const driver = require('./driver')
const { SessionOptionError, SessionStoreError } = require('./errors')
const { JsStore } = require('./js-store')
const { serialize } = require('./json')
const { Snapshots } = require('./snapshots')
const { memoryOptions, redisOptions, string } = require('./options')

const { Outcome: { Saved, Evicted, Unremoved } } = native

const ONE_DAY = 24 * 3600 * 1000 // in milliseconds

// koa-session passes 'session' and koa-generic-session nothing, where they have no TTL.
const ttlOf = (ttl) => typeof ttl === 'number' && ttl > 0 && ttl < Infinity ? ttl : ONE_DAY

// What a load answers, where nothing is there.
const NOTHING = { text: null, value: undefined }

// A native store as the middleware sees it: load and commit. src/store/mod.rs has the contract.
const BACKEND = Symbol('backend')
const ON_EVENT = Symbol('on event')

class MemoryBackend {
  constructor (handle) {
    this.handle = handle
    this.snapshots = new Snapshots()
    this.warned = false
  }

  load (key) {
    const text = native.memoryLoad(this.handle, key)
    return text === null ? NOTHING : { text, value: undefined }
  }

  find (key) {
    const [text = null, ttl, found] = native.memoryFind(this.handle, key) ?? []
    return { text, value: undefined, ttl, key: found ?? key }
  }

  commit ({ plan, flags, key, newKey, record, text, ttl, grace }) {
    let result
    try {
      result = native.memoryCommit(this.handle, plan, flags, key, newKey, record.text, text, ttl, grace)
    } catch (error) {
      return Promise.reject(new SessionStoreError(error.message))
    }
    if (typeof result === 'number') return { status: this.withoutEviction(result), text }
    if (typeof result === 'string') return { status: Saved, text: result }
    return { status: result[0], text: result[1] ?? text, key: result[2] }
  }

  set (key, text, ttl) {
    try {
      this.withoutEviction(native.memorySet(this.handle, key, text, ttl))
    } catch (error) {
      throw new SessionStoreError(error.message)
    }
  }

  // A result tells by the way whether records had to go before their time.
  withoutEviction (result) {
    if (result < Evicted) return result
    if (!this.warned) {
      this.warned = true
      process.emitWarning('the memory store is full: the least recently used sessions are dropped before their time (maxBytes)', 'SessionWarning')
    }
    return result - Evicted
  }
}

// Throws what Rust finds wrong as `name: what is accepted`. Not with the value: there may be a password in it.
const opened = (open) => {
  try {
    return open()
  } catch (error) {
    const [name, accepted] = error.message.split(/: (.*)/s)
    throw new SessionOptionError(name, undefined, accepted)
  }
}

class MemoryStore {
  constructor (options) {
    const { name, maxBytes } = memoryOptions(options)
    this[BACKEND] = new MemoryBackend(opened(() => native.memoryOpen(name, maxBytes)))
  }

  get (key) {
    const { handle, snapshots } = this[BACKEND]
    const text = native.memoryLoad(handle, string('store key', key))
    return text === null ? undefined : snapshots.parse(key, text)
  }

  set (key, session, ttl) {
    this[BACKEND].set(string('store key', key), serialize(session) ?? 'null', ttlOf(ttl))
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

// What an async function would do, for some three microtasks less.
const promised = (ask) => {
  try {
    return ask()
  } catch (error) {
    return Promise.reject(error)
  }
}

const checkSession = (session) => {
  if (typeof session !== 'object' || session === null) throw new TypeError('session data must be an object')
}

let warnOnce = () => {
  process.emitWarning('the memory store is for one process: its sessions are seen by no other, and end with it', 'SessionWarning')
  warnOnce = () => {}
}

// What is made of the Redis store's answers.
const done = (text, error) => {
  if (error !== undefined) throw error
}

// What is no string is no session, as what is no object is none; it is not to fail each of the user's requests.
const loaded = (text, error) => {
  if (error === undefined) return text === undefined ? NOTHING : { text, value: undefined }
  if (!error.message.includes('WRONGTYPE')) throw error
  return { text: 'null', value: undefined }
}

class RedisBackend {
  constructor (options, onEvent) {
    this.channel = driver.open(options, onEvent)
    this.prefix = options.prefix
    this.snapshots = new Snapshots()
    this.status = 'idle'
  }

  load (key) {
    return driver.submit(this.channel, loaded, native.redisLoad, key)
  }

  find (key) {
    return driver.submit(this.channel, (text, error, _, found, ttl) => {
      return { ...loaded(text, error), ttl: ttl < 0 ? undefined : ttl, key: this.own(found) ?? key }
    }, native.redisFind, key)
  }

  commit ({ plan, flags, key, newKey, record, text, ttl, grace }) {
    return driver.submit(this.channel, (merged = text, error, status, moved) => {
      if (error !== undefined && status !== Unremoved) throw error
      return { status, text: merged, error, key: this.own(moved) }
    }, native.redisCommit, plan, flags, key, newKey, record.text, text, ttl, grace)
  }

  // A key without the prefix, which Rust adds.
  own (key) {
    return key?.slice(this.prefix.length)
  }
}

class RedisStore extends EventEmitter {
  constructor (options) {
    super()
    const checked = redisOptions(options)
    // An old id and its pointer share a slot by the braces around the id's key.
    if (checked.cluster && /[{}]/.test(checked.prefix)) throw new SessionOptionError('prefix', undefined, 'in a cluster, a string without { and }')
    const store = new WeakRef(this) // events alone keep no store
    const onEvent = (name, error) => store.deref()?.[ON_EVENT](name, error)
    this[BACKEND] = opened(() => new RedisBackend(checked, onEvent))
  }

  get status () {
    return this[BACKEND].status
  }

  get (key) {
    return promised(() => {
      const { channel, snapshots } = this[BACKEND]
      return driver.submit(channel, (text, error) => {
        if (error !== undefined) throw error
        return text === undefined ? undefined : snapshots.parse(key, text)
      }, native.redisLoad, string('store key', key))
    })
  }

  set (key, session, ttl) {
    return promised(() => {
      checkSession(session)
      const { channel, snapshots } = this[BACKEND]
      const text = snapshots.serialize(string('store key', key), session)
      return driver.submit(channel, done, native.redisSet, key, text, ttlOf(ttl))
    })
  }

  destroy (key) {
    return promised(() => driver.submit(this[BACKEND].channel, done, native.redisDestroy, string('store key', key)))
  }

  ping () {
    return promised(() => driver.submit(this[BACKEND].channel, done, native.redisPing))
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
  return Object.create(jsStores.get(store), { timeoutMs: { value: timeoutMs }, snapshots: { value: new Snapshots() } })
}
const jsStores = new WeakMap()

// A new id is drawn again when its key is taken, which happens to no random one.
const NEW_ID_TRIES = 5

module.exports = { ImMemoryStore, MemoryStore, RedisStore, NEW_ID_TRIES, NOTHING, ONE_DAY, backendOf, isNative }
