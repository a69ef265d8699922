'use strict'

const native = require('./addon')
const { COOKIE_NAME, WELL_FORMED, checkMaxAge, cookieLines, cookieReader, sendCookie } = require('./cookie')
const { CookieWriter } = require('./cookie-writer')
const { SessionOptionError, SessionSerializeError, SessionStoreError } = require('./errors')
const { TTL_MS, isFound } = require('./js-store')
const { isSession, parseSession, serialize } = require('./json')
const { imsessionOptions } = require('./options')
const { Known } = require('./snapshots')
const { ImMemoryStore, NEW_ID_TRIES, ONE_DAY, RedisStore, backendOf, isNative } = require('./stores')
const { keepTick } = require('./ticks')

const { Plan, Conflict, Outcome: { Destroyed, Gone, Refused, Unremoved } } = native

const TEN_SECONDS = 10000 // in milliseconds: what a record outlives its cookie, and an old id its renewal
const HEX_ID = /^[0-9a-f]{32}$/
const STATE = Symbol('imsession')
const LINES = Symbol('cookie lines')
const CHECK = Symbol('check')
const CHECKED = Symbol('checked cookie lines')

let onHeaders // loaded when it is needed: it loads node:http, which takes longer than all else here

// Where a request's session id comes from and goes to: a cookie. Meant for subclassing.
class SessionIdResolver {
  #read
  #writer = new CookieWriter()

  constructor ({ name = 'connsid', cookie } = {}) {
    if (typeof name !== 'string' || !COOKIE_NAME.test(name)) throw new SessionOptionError('name', name, 'a cookie name')
    maxAgeOf(cookie)
    this.name = name
    this.cookie = cookie
    this.#read = cookieReader(name)
  }

  get (ctx) {
    if (this.cookie?.signed) return ctx.cookies.get(this.name, this.cookie)
    return this.#read(ctx)
  }

  set (ctx, id) {
    const first = ctx[LINES] === undefined
    const checked = ctx[CHECKED]
    ctx[CHECKED] = undefined
    ctx[LINES] = checked?.resolver === this && checked.id === id ? checked.lines : this[LINES](ctx, id)
    sendCookie(ctx, ctx[LINES])
    // Koa's error handler takes all headers away, and nobody is to be logged out by a 500.
    if (!first) return
    onHeaders ??= require('on-headers')
    onHeaders(ctx.res, () => sendCookie(ctx, ctx[LINES]))
  }

  generate () {
    return native.newHexId()
  }

  // Throws if the cookie cannot be sent.
  [CHECK] (ctx, id) {
    ctx[CHECKED] = { resolver: this, id, lines: this[LINES](ctx, id) }
  }

  [LINES] (ctx, id) {
    const { expires, ...cookie } = this.cookie ?? {}
    const attributes = { signed: false, ...cookie, overwrite: true, maxAge: maxAgeOf(this.cookie) }
    const isPlain = #writer in this && typeof id === 'string' && WELL_FORMED.test(id) // it may be a Proxy
    return isPlain ? this.#writer.lines(ctx, this.name, id, attributes) : cookieLines(ctx, this.name, id, attributes)
  }
}

const maxAgeOf = (cookie) => {
  const { maxAge, expires } = cookie ?? {}
  return checkMaxAge(maxAge) || checkMaxAge(expires && new Date(expires).getTime() - Date.now()) || ONE_DAY
}

// Is a method of the resolver still ours?
const isOurs = (resolver, method) => resolver[method] === SessionIdResolver.prototype[method]

const SESSION = {
  configurable: true,
  enumerable: true,
  get () {
    return this[STATE]?.read() ?? null
  },
  set (value) {
    if (this[STATE] === undefined) throw new Error('ctx.session was set before the imsession middleware has run')
    this[STATE].assign(value)
  }
}

// The session of one request.
class ImSession {
  constructor (ctx, config) {
    this.ctx = ctx
    this.config = config
    this.id = undefined // of `record`
    this.presented = undefined
    this.record = undefined // as it was loaded
    this.loaded = undefined // what it became, once it was read
    this.value = undefined // what the handler has assigned; undefined for nothing
    this.ended = false // was the loaded session destroyed on the way?
    this.regenerated = false
  }

  async load () {
    const { ctx, config: { backend, resolver, accepts } } = this
    const id = await resolver.get(ctx)
    if (typeof id !== 'string' || !accepts(id)) return
    this.presented = id
    const record = await backend.find(id)
    if (!isFound(record) && record.text === null) return
    this.record = record
    this.id = record.key
  }

  read () {
    if (this.value === undefined && this.record !== undefined) this.loaded ??= this.open()
    return this.value === undefined ? this.loaded ?? null : this.value
  }

  open () {
    const { ctx, record, config: { shared, frozen } } = this
    if (isFound(record)) return frozen ? deepFreeze(record.value) : record.value
    const value = shared.parse(this.id, record.text)
    if (value !== undefined) return value
    this.record = undefined // junk in the store is no session
    ctx.app.emit('session:invalid', { ctx })
    return null
  }

  assign (value) {
    const before = this.read() // what is no session must not be taken for one: it may be another application's
    if (value === true) {
      this.regenerated = before !== null
    } else if (!value) {
      this.ended ||= this.record !== undefined
      this.value = null
      this.regenerated = false
    } else if (typeof value === 'object') {
      this.value = value
    } else {
      throw new TypeError(`ctx.session takes an object, true, or false, null or undefined, got ${typeof value}`)
    }
  }

  async commit () {
    const { maxAge } = this.config
    if (this.record?.ttl < maxAge() / 3) this.read() // before it is renewed: is it a session at all?
    const { record, value, ended, regenerated } = this
    const changed = value !== undefined && value !== this.loaded
    if (ended || value === null) {
      if (record !== undefined) await this.carryOut(Plan.Destroy, record)
      if (value !== null && value !== undefined) await this.carryOut(Plan.Create, NONE)
      return
    }
    if (record === undefined) {
      if (changed) await this.carryOut(Plan.Create, NONE)
      return
    }
    const due = record.ttl < maxAge() / 3
    if (changed || regenerated || due) {
      await this.carryOut(regenerated ? Plan.Rotate : due ? Plan.Renew : Plan.Save, record, changed)
    } else if (this.id !== this.presented) {
      await this.tell(this.id) // renewed by another request, whose answer may not have come
    }
  }

  async carryOut (plan, record, changed = true) {
    const { ctx, id, value, config: { backend, conflict, resolver, maxAge, regenerateGraceMs } } = this
    if (ctx.headerSent && (plan === Plan.Create || plan === Plan.Rotate)) {
      ctx.app.emit('session:unsent', { ctx })
      return
    }
    if (ctx.headerSent && plan === Plan.Renew) {
      if (!changed) return
      plan = Plan.Save
    }
    const text = plan === Plan.Destroy ? null : changed ? this.textOf(record, value) : record.text
    for (let tries = 0; tries < NEW_ID_TRIES; tries++) {
      const target = plan === Plan.Save || plan === Plan.Destroy ? id : await generated(resolver, ctx)
      // A cookie that cannot be sent must not leave a record; but a session can always be ended.
      if (isOurs(resolver, 'set') && !ctx.headerSent && plan !== Plan.Destroy) resolver[CHECK](ctx, target)
      const result = await backend.commit({
        plan,
        flags: conflict + Conflict.Immutable,
        key: plan === Plan.Create ? target : id,
        newKey: plan === Plan.Rotate || plan === Plan.Renew ? target : undefined,
        record,
        text,
        value: changed ? value : this.read(),
        ttl: maxAge() + TEN_SECONDS,
        grace: plan === Plan.Renew ? TEN_SECONDS : plan === Plan.Rotate ? regenerateGraceMs : 0
      })
      if (result.status !== Refused) return this.conclude(plan, result, target)
    }
    throw new SessionStoreError('no free session id was found')
  }

  textOf (record, value) {
    return isFound(record) ? textOf(value) : this.config.shared.textOf(this.id, record.text, value)
  }

  async conclude (plan, result, target) {
    const { ctx } = this
    if (result.status === Gone) {
      ctx.app.emit('session:gone', { ctx })
      return
    }
    if (result.status === Unremoved) ctx.app.emit('error', result.error, ctx)
    if (result.status === Destroyed) {
      await this.tell(null).catch((error) => { ctx.app.emit('error', error, ctx) })
      return
    }
    // Where the record was moved meanwhile, a rotation of it has still gone to our new id.
    await this.tell(plan === Plan.Rotate ? target : result.key ?? target)
  }

  async tell (id) {
    if (!this.ctx.headerSent) await this.config.resolver.set(this.ctx, id)
  }
}

const NONE = { text: null, value: undefined }

const textOf = (value) => {
  const text = serialize(value)
  if (!isSession(text)) throw new SessionSerializeError('session', 'its toJSON gives no object')
  return text
}

// The objects of stored texts. While the text is the same one frozen object serves all requests; the most recent stay.
class Shared {
  constructor (share, freeze) {
    this.share = share
    this.freeze = freeze
    this.known = new Map()
  }

  parse (key, text) {
    const { known, share } = this
    const before = known.get(key)
    const isKnown = before?.text === text
    const value = (isKnown ? before.value : undefined) ?? this.make(text)
    if (!share || value === undefined) return value
    const entry = isKnown ? before : new Known(text)
    entry.value = value
    entry.fresh = !isKnown
    this.keep(key, entry)
    return value
  }

  keep (key, entry) {
    const { known } = this
    known.delete(key) // to the end: the most recent stay
    known.set(key, entry)
    if (known.size > SHARED_OBJECTS) known.delete(known.keys().next().value)
  }

  // The text of what takes the place of the object of another. To take that one's members apart pays only for who comes
  // again while it is known.
  textOf (key, replaced, value) {
    const before = this.known.get(key)
    if (before?.text !== replaced) return textOf(value)
    const next = before.fresh ? undefined : before.next(value)
    if (next === undefined) {
      const text = textOf(value)
      this.keep(key, new Known(text))
      return text
    }
    if (next.text !== replaced) { // else its object stays the same one
      deepFreeze(next.value)
      this.keep(key, next)
    }
    return next.text
  }

  make (text) {
    const value = parseSession(text)
    return value !== undefined && this.freeze ? deepFreeze(value) : value
  }
}

const SHARED_OBJECTS = 1000

const deepFreeze = (value) => {
  const pending = [value]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (ArrayBuffer.isView(next)) continue // cannot be frozen
    Object.freeze(next)
    for (const inner of Object.values(next)) {
      if (typeof inner === 'object' && inner !== null && !Object.isFrozen(inner)) pending.push(inner)
    }
  }
  return value
}

const configure = (options) => {
  const { name, store = new ImMemoryStore(), cookie, idResolver, frozen, conflict, regenerateGraceMs, storeTimeoutMs } = imsessionOptions(options)
  const resolver = idResolver ?? new SessionIdResolver({ name, cookie })
  maxAgeOf(cookie ?? resolver.cookie)
  // A resolver with a `get` of its own decides for itself what an id is; native stores have no prefix to keep ids
  // from another application's keys, so there only our own form is let through.
  const form = isNative(store) && isOurs(resolver, 'generate') ? HEX_ID : WELL_FORMED
  return {
    backend: backendOf(store, storeTimeoutMs),
    resolver,
    accepts: (id) => !isOurs(resolver, 'get') || form.test(id),
    maxAge: () => maxAgeOf(cookie ?? resolver.cookie),
    frozen: frozen ?? process.env.NODE_ENV !== 'production',
    shared: new Shared(frozen !== false, frozen !== false),
    conflict,
    regenerateGraceMs
  }
}

const isApp = (value) => typeof value?.use === 'function' && typeof value.context === 'object'

// imsession(options), or imsession(app, options): then ctx.session is null even before the middleware has run.
const imsession = (...args) => {
  const app = isApp(args[0]) ? args.shift() : undefined
  const config = configure(args[0])
  if (app !== undefined) {
    if (Object.getOwnPropertyDescriptor(app.context, 'session')?.get === SESSION.get) throw new Error(TWICE)
    Object.defineProperty(app.context, 'session', SESSION)
  }
  keepTick()

  return async function imsession (ctx, next) {
    if (ctx[STATE] !== undefined) throw new Error(TWICE)
    const own = ctx[STATE] = new ImSession(ctx, config)
    await own.load()
    const outer = Object.getOwnPropertyDescriptor(ctx, 'session')
    if (app === undefined || outer !== undefined) Object.defineProperty(ctx, 'session', SESSION)
    try {
      await next()
    } catch (error) {
      // The handler's error is the one that is told; what it did to its session is saved all the same.
      await own.commit().catch((failure) => { ctx.app.emit('error', failure, ctx) })
      throw error
    } finally {
      if (outer !== undefined) Object.defineProperty(ctx, 'session', outer)
    }
    await own.commit()
  }
}

const TWICE = 'imsession is already installed on this app'

const generated = async (resolver, ctx) => {
  const id = await resolver.generate(ctx)
  if (typeof id !== 'string' || id === '') throw new TypeError(`the id resolver's generate() must answer with a string, got ${id === '' ? 'an empty one' : typeof id}`)
  return id
}

module.exports = imsession
module.exports.imsession = imsession
module.exports.MemoryStore = ImMemoryStore
module.exports.RedisStore = RedisStore
module.exports.SessionIdResolver = SessionIdResolver
module.exports.TTL_MS = TTL_MS
