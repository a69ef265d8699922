'use strict'

const native = require('./addon')
const { WELL_FORMED, attributesOf, cookieLines, cookieReader, sendCookie } = require('./cookie')
const { CookieWriter } = require('./cookie-writer')
const { SessionStoreError } = require('./errors')
const { become, isSession, serialize } = require('./json')
const { sessionOptions } = require('./options')
const { Known, OTHER, SAME } = require('./snapshots')
const { after } = require('./after')
const { MemoryStore, NEW_ID_TRIES, NOTHING, ONE_DAY, backendOf } = require('./stores')
const { keepTick } = require('./ticks')

const { Plan, Conflict, Outcome: { Destroyed, Gone, Refused, Unremoved } } = native

// Where a context keeps the session of the middleware that is running: the innermost, where there are several.
const STATE = Symbol('session')

// One accessor for all contexts, since closures and accessors of each request's own cost more than all else here.
// It is an own property, and configurable, so that `delete ctx.session` clears as it does with a plain one.
const SESSION = {
  configurable: true,
  enumerable: true,
  get () {
    return probing ? INTACT : this[STATE].read()
  },
  set (value) {
    this[STATE].assign(value)
  }
}
const INTACT = Symbol('intact')
let probing = false

const SMALL = 256 // characters

let updates // lib/update.js, loaded when a session is first updated

// The session of one request.
class Session {
  constructor (ctx, config, id) {
    this.ctx = ctx
    this.config = config
    this.identify(id) // as it was presented, or committed since
    this.record = NOTHING // as it was loaded, or committed since
    this.plain = false // was ctx.session given `value` itself, instead of the accessor?
    this.opened = false // has `value` been read or assigned?
    this.value = undefined
    this.loaded = undefined // what `record` became: tells an emptied session from an empty one that was assigned
    this.own = undefined // what was opened: all else in its place is the application's, and is not to be changed
    this.finished = false // has the last commit begun?
    this.snapshot = undefined // of `record`, if it was opened
    this.regenerated = false
    this.saving = undefined
    this.failure = undefined // of the load that made this session an anonymous one, which is never saved
    // ctx.sessionHandler; each may be called detached
    this.handler = {
      regenerateId: () => { this.regenerated = true },
      save: () => this.inTurn(() => this.commit()),
      update: (change) => this.inTurn(() => (updates ??= require('./update')).update(this, change))
    }
  }

  identify (id) {
    this.id = id
    this.storeKey = id === undefined ? undefined : `${this.config.key}:${id}`
  }

  // Answers with a promise only where the store does.
  load () {
    const record = this.config.backend.load(this.storeKey)
    if (!(record instanceof Promise)) {
      this.record = record
      return undefined
    }
    return record.then((record) => { this.record = record }, async (error) => {
      if (await this.tell(error, 'load') !== 'anonymous') throw error
      this.failure = error
    })
  }

  // The record as it is now.
  async reload () {
    if (this.id === undefined) return NOTHING
    try {
      return await this.config.backend.load(this.storeKey)
    } catch (error) {
      await this.tell(error, 'load')
      throw error
    }
  }

  // Gives the application's onStoreError its say.
  tell (error, operation) {
    return this.config.onStoreError?.(error, operation, this.ctx)
  }

  expose () {
    const { ctx } = this
    ctx[STATE] = this
    ctx.sessionHandler = this.handler
    this.plain = !this.opened && !('session' in ctx) && this.openAtHand()
    if (this.plain) ctx.session = this.value
    else Object.defineProperty(ctx, 'session', SESSION)
  }

  // Opens a small session that the last request has changed: if this one touches it too, it needs no accessor, and defining
  // that takes 0.7 us. If it does not, it was copied and compared in vain, which takes as much longer at 150 characters.
  openAtHand () {
    const { text, value } = this.record
    if (text === null || text.length > SMALL || value !== undefined) return false
    this.snapshot = this.config.backend.snapshots.atHand(this.storeKey, text)
    if (this.snapshot === undefined) return false
    this.opened = true
    this.own = this.loaded = this.value = this.snapshot.value
    return true
  }

  read () {
    if (!this.opened) this.open()
    return this.value
  }

  assign (value) {
    if (!this.opened) this.open()
    this.value = value
  }

  open () {
    this.opened = true
    const { text, value } = this.record
    this.own = this.loaded = this.value = text === null ? {} : typeof value === 'object' && value !== null ? value : this.parse(text)
  }

  // What is stored but is no session counts as none; it is not to fail each of the user's requests.
  parse (text) {
    const snapshot = this.config.backend.snapshots.take(this.storeKey, text)
    if (snapshot.value !== undefined) {
      this.snapshot = snapshot
      return snapshot.value
    }
    this.record = NOTHING
    this.ctx.app.emit('session:invalid', { ctx: this.ctx })
    return {}
  }

  // Takes in a `delete ctx.session` and what was put in its place; what is no object reads as {} from here on. The accessor
  // is there afterwards: whatever gives `value` another one settles first.
  settle () {
    if (this.ctx[STATE] !== this) return // another middleware's session is in front
    const found = this.property()
    if (found !== INTACT) {
      this.assign(found)
      this.expose()
    }
    if (this.opened && (typeof this.value !== 'object' || this.value === null)) this.value = {}
  }

  // What is in the place of our property: INTACT, while it is there.
  property () {
    probing = true
    try {
      return this.ctx.session
    } finally {
      probing = false
    }
  }

  // The request's end. If nothing changed nothing crosses to Rust, nothing is written, and no cookie is sent. This and
  // all that follows from it answers with a promise only where the store does.
  commit () {
    if (!this.plain || this.ctx.session !== this.value) this.settle()
    if ((!this.opened && !this.regenerated) || this.failure !== undefined) return undefined
    const value = this.read()
    const { record, regenerated, loaded } = this
    const snapshot = !regenerated && this.snapshot?.text === record.text ? this.snapshot : undefined
    const compared = snapshot?.compare(value)
    if (compared === SAME) return undefined
    const text = snapshot?.next?.text ?? serialize(value)
    if (compared !== OTHER && text === (record.text ?? '{}') && !regenerated) return undefined
    if (snapshot !== undefined && isSession(text)) this.config.backend.snapshots.put(this.storeKey, snapshot.next ?? new Known(text), snapshot.place)
    if (isEmpty(text) && (value !== loaded || !isSession(text))) return this.end()
    return this.save(compared === OTHER ? Plan.Save : this.plan(text), text)
  }

  finish () {
    this.finished = true
    return this.commit()
  }

  end () {
    return this.save(this.plan(null), null)
  }

  plan (text) {
    return native.plan(this.record.text, text, this.regenerated, this.id !== undefined)
  }

  save (plan, text) {
    if (plan === Plan.Nothing) return undefined
    const { record, config: { conflict, cookie } } = this
    const attributes = this.attributes(plan)
    if (text !== null && typeof cookie === 'function') {
      this.settle() // what the function has put into the session is saved too
      text = serialize(this.value)
      if (plan === Plan.Create && isEmpty(text)) return undefined
    }
    const { value } = this
    return after(this.carryOut({ plan, flags: conflict, record, text, value, attributes }), (result) => {
      if (result?.text === text && this.value === value) this.loaded = value
    })
  }

  // Writes, and then sends the cookie. The store is touched only when all that can fail before has not failed.
  carryOut ({ plan, flags, record, text, value, attributes = this.attributes(plan) }) {
    const { ctx, id, storeKey, config: { key, writer, adoptUnknownIds } } = this
    if (plan !== Plan.Save && plan !== Plan.Destroy && ctx.headerSent) {
      ctx.app.emit('session:unsent', { ctx }) // the cookie of a new record can no longer reach the client
      return undefined
    }
    const adopting = plan === Plan.Create && adoptUnknownIds && id !== undefined && !this.regenerated
    const keepsId = plan === Plan.Save || plan === Plan.Destroy || adopting
    const attempt = (triesLeft) => {
      const target = keepsId ? id : native.newId()
      const targetKey = keepsId ? storeKey : `${key}:${target}`
      const lines = plan === Plan.Destroy ? undefined : writer.lines(ctx, key, target, attributes)
      const answer = this.ask({
        plan,
        flags: adopting ? flags + Conflict.Adopt : flags,
        key: plan === Plan.Create ? targetKey : storeKey,
        newKey: plan === Plan.Rotate ? targetKey : undefined,
        record: plan === Plan.Create && !adopting ? NOTHING : record,
        text,
        value,
        ttl: attributes.maxAge || ONE_DAY,
        grace: 0
      })
      return after(answer, (result) => {
        const isTaken = result.status === Refused && !keepsId && flags !== Conflict.Refuse
        if (!isTaken) return this.conclude(plan, result, { target, text, lines, attributes })
        if (triesLeft === 0) throw new SessionStoreError('no free session id was found')
        return attempt(triesLeft - 1)
      })
    }
    return attempt(NEW_ID_TRIES)
  }

  ask (commit) {
    const { backend, onStoreError } = this.config
    const answer = backend.commit(commit)
    return onStoreError !== undefined && answer instanceof Promise ? answer.catch((error) => this.fail(error)) : answer
  }

  async fail (error) {
    await this.tell(error, 'commit')
    throw error
  }

  conclude (plan, result, { target, text, lines, attributes }) {
    const { ctx, record } = this
    if (result.status === Refused) return result
    if (plan !== Plan.Save) this.regenerated = false
    if (result.status === Destroyed || result.status === Gone) {
      this.startAnew({})
      // Where another request has ended the session, the browser may hold a newer cookie than ours.
      if (result.status === Gone && record.text !== null) ctx.app.emit('session:gone', { ctx })
      else this.send(this.deletionLines(attributes))
      return result
    }
    if (result.status === Unremoved) ctx.app.emit('error', result.error, ctx)
    // Where it was merged with what others have saved, what this request goes on from is still what it knows of.
    this.record = result.text === text ? result : { ...result, text, version: -1 }
    if (target !== this.id) this.identify(target)
    if (plan !== Plan.Save && ctx.headerSent) return this.takeBack(plan, target, result)
    this.send(lines)
    return result
  }

  // The headers went out while the record was written: its cookie cannot reach the client any more.
  async takeBack (plan, id, result) {
    const { ctx, record, config: { key } } = this
    ctx.app.emit('session:unsent', { ctx })
    if (plan === Plan.Create) {
      await this.ask({ plan: Plan.Destroy, flags: 0, key: `${key}:${id}`, newKey: undefined, record, text: null, value: {}, ttl: ONE_DAY, grace: 0 })
    }
    return result
  }

  // Without a record from here on: only what changes from now is saved, as a new session. Who holds on to the old one goes
  // on with it; but not where it is a JavaScript store's, which may have it under a new id, or the body of the response.
  startAnew (value) {
    this.settle()
    const isHeld = !this.finished && this.own !== this.record.value
    this.record = NOTHING
    this.identify(undefined)
    if (this.opened) this.become(value, isHeld)
  }

  // Goes on from `record`, with what this request has changed since `before`.
  rebase (before, record) {
    this.settle()
    this.record = record
    if (!this.opened) return
    const text = serialize(this.value)
    const merged = JSON.parse(native.merge(before, isSession(text) ? text : '{}', record.text ?? '{}'))
    this.become(merged)
  }

  become (value, isHeld = true) {
    this.own = this.loaded = this.value = isHeld && this.value === this.own ? become(this.own, value) : value
  }

  send (lines) {
    if (!this.ctx.res.headersSent) sendCookie(this.ctx, lines) // ctx.headerSent goes through three accessors
  }

  // Lets `look` see that value as ctx.session.
  showing (value, look) {
    this.settle()
    const { opened, value: own } = this
    Object.assign(this, { opened: true, value })
    try {
      return look()
    } finally {
      Object.assign(this, { opened, value: own })
    }
  }

  // A session can always be deleted: if its cookie's attributes fail, this is told, and the default ones serve.
  attributes (plan) {
    try {
      return attributesOf(this.config.cookie, this.ctx)
    } catch (error) {
      if (plan !== Plan.Destroy) throw error
      this.ctx.app.emit('error', error, this.ctx)
      return attributesOf()
    }
  }

  deletionLines (attributes) {
    try {
      return cookieLines(this.ctx, this.config.key, null, attributes)
    } catch (error) {
      this.ctx.app.emit('error', error, this.ctx)
      return cookieLines(this.ctx, this.config.key, null, attributesOf())
    }
  }

  // One after another, in the order of the calls; the returned promise tells the caller, and nobody else.
  inTurn (work) {
    if (updates?.updating.getStore() === this) return Promise.reject(new Error('the function given to sessionHandler.update must not call update or save'))
    const done = (this.saving ?? Promise.resolve()).then(work)
    this.saving = done.catch(() => {})
    return done
  }
}

const isEmpty = (text) => !isSession(text) || text.length === 2 // {} or []

module.exports = (options) => {
  const config = sessionOptions(options)
  config.backend = backendOf(config.store ?? new MemoryStore(), config.storeTimeoutMs)
  config.updates = new Map() // of sessions that are being updated, the end of the queue
  config.writer = new CookieWriter()
  const readId = cookieReader(config.key)
  keepTick()

  return async function session (ctx, next) {
    const outer = ctx[STATE]
    outer?.settle()
    const id = readId(ctx)
    const own = new Session(ctx, config, id !== undefined && WELL_FORMED.test(id) ? id : undefined)
    if (own.id !== undefined) {
      const loaded = own.load()
      if (loaded !== undefined) await loaded
    }
    own.expose()
    try {
      await next()
      const committed = own.saving === undefined ? own.finish() : own.inTurn(() => own.finish())
      if (committed !== undefined) {
        await (own.saving = committed)
        if (own.saving === committed) own.saving = undefined
      }
    } finally {
      if (own.saving !== undefined) await own.saving.catch(() => {}) // that nobody awaited
      outer?.expose()
    }
  }
}
