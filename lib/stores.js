'use strict'

const native = require('./native')
const { close, submit } = require('./driver')
const { serialize } = require('./json')
const { JsStore } = require('./js-store')
const { SessionOptionError, SessionStoreError } = require('./errors')
const { checkNames, number, string } = require('./options')

const ONE_DAY = 24 * 3600 * 1000 // in milliseconds

const BACKEND = Symbol('backend')

// koa-session passes 'session' and koa-generic-session nothing, where they have no TTL.
const ttlOf = (ttl) => typeof ttl === 'number' && ttl > 0 && ttl < Infinity ? ttl : ONE_DAY

const textOf = (session) => serialize(session) ?? 'null'

const parse = (text) => text == null ? undefined : JSON.parse(text)

// What a load answers, where nothing is there.
const NOTHING = { text: null, value: undefined }

const recordOf = (text) => text == null ? NOTHING : { text, value: undefined }

// The native stores as the middleware sees them: load and commit (src/store/mod.rs has the contract).
class MemoryBackend {
  constructor (handle) {
    this.handle = handle
    this.warned = false
  }

  load (key) {
    return recordOf(native.memoryLoad(this.handle, key))
  }

  commit ({ plan, flags, key, newKey, record, text, ttl }) {
    return this.store(() => {
      const result = native.memoryCommit(this.handle, plan, flags, key, newKey, record.text, text, ttl)
      return typeof result === 'string' ? { status: native.Outcome.Saved, text: result } : { status: result, text }
    })
  }

  store (write) {
    try {
      return write()
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

class RedisBackend {
  constructor (handle, maxPending, prefix) {
    Object.assign(this, { handle, maxPending, prefix, pending: 0, closed: false })
  }

  async load (key) {
    const { text } = await submit(this, native.redisLoad, this.prefix + key)
    return recordOf(text)
  }

  async commit ({ plan, flags, key, newKey, record, text, ttl }) {
    const { prefix } = this
    const result = await submit(this, native.redisCommit, plan, flags, prefix + key, newKey && prefix + newKey, record.text, text, ttl)
    result.text ??= text
    return result
  }
}

class MemoryStore {
  constructor (options) {
    const { maxBytes = 256 * 1024 * 1024, ...rest } = options ?? {}
    checkNames('MemoryStore', rest, ['maxBytes'])
    this[BACKEND] = new MemoryBackend(native.memoryOpen(number('maxBytes', maxBytes, 1)))
  }

  get (key) {
    return parse(native.memoryLoad(this[BACKEND].handle, string('key', key)))
  }

  set (key, session, ttl) {
    const backend = this[BACKEND]
    const text = textOf(session)
    string('key', key)
    backend.store(() => native.memorySet(backend.handle, key, text, ttlOf(ttl)))
  }

  destroy (key) {
    native.memoryDestroy(this[BACKEND].handle, string('key', key))
  }
}

class RedisStore {
  constructor (options) {
    const { url = 'redis://127.0.0.1:6379', prefix = '', connectTimeoutMs = 2000, commandTimeoutMs = 1000, maxPending = 10000, ...rest } = options ?? {}
    checkNames('RedisStore', rest, ['url', 'prefix', 'connectTimeoutMs', 'commandTimeoutMs', 'maxPending'])
    const [connect, command] = [number('connectTimeoutMs', connectTimeoutMs, 1), number('commandTimeoutMs', commandTimeoutMs, 1)]
    let handle
    try {
      handle = native.redisOpen(string('url', url), connect, command)
    } catch (error) {
      // Not the value: there may be a password in it.
      throw new SessionOptionError('url', {}, 'redis://[user][:password@]host[:port][/database] or unix://path', { cause: error })
    }
    this[BACKEND] = new RedisBackend(handle, number('maxPending', maxPending, 1), string('prefix', prefix))
  }

  async get (key) {
    const { text } = await this[BACKEND].load(string('key', key))
    return parse(text)
  }

  async set (key, session, ttl) {
    const backend = this[BACKEND]
    await submit(backend, native.redisSet, backend.prefix + string('key', key), textOf(session), ttlOf(ttl))
  }

  async destroy (key) {
    const backend = this[BACKEND]
    await submit(backend, native.redisDestroy, backend.prefix + string('key', key))
  }

  async close () {
    await close(this[BACKEND])
  }
}

// A store behind the contract; one whose get, set or destroy is not ours any more is the user's own.
const backendOf = (store, timeoutMs) => {
  for (const { prototype: ours } of [MemoryStore, RedisStore]) {
    if (store.get === ours.get && store.set === ours.set && store.destroy === ours.destroy) return store[BACKEND]
  }
  return new JsStore(store, timeoutMs)
}

module.exports = { MemoryStore, RedisStore, NOTHING, ONE_DAY, backendOf }
