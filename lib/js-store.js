'use strict'

const native = require('./addon')
const { serialize } = require('./json')
const { SessionStoreError } = require('./errors')

const { Plan, Conflict, Outcome: { Saved, Destroyed, Gone, Refused, Unremoved } } = native

// A user's JavaScript store (get, set, destroy) behind the same contract as the native ones.
//
// Such a store cannot compare and swap, so the contract holds within this process only: commits of one key run one
// after another, and re-read where another commit came between. What the process knows of a key (its entry) lives as
// long as some request holds on to it.
class JsStore {
  constructor (store) {
    this.store = store
    this.entries = new Map()
    this.unheld = new FinalizationRegistry((key) => {
      if (this.entries.get(key)?.deref() === undefined) this.entries.delete(key)
    })
  }

  async load (key) {
    const record = await this.read(key)
    return { ...record, text: textOf(record.value) }
  }

  // For koa-imsession: with the time that is left, where the store tells it, and where a rotation has moved the record.
  // The text is made when it is needed: what nobody changes is not serialised.
  async find (key) {
    let record = await this.read(key)
    const { moved } = record.entry
    if (!isFound(record) && moved !== undefined) record = await this.read(moved)
    const { value, entry, version } = record
    return { value, entry, version, ttl: value?.[TTL_MS], key: moved ?? key, get text () { return textOf(value) } }
  }

  async read (key) {
    const entry = this.entryOf(key)
    const { version } = entry // taken before the store is asked: what is written while it answers comes between
    return { value: await this.call('get', key), entry, version }
  }

  // Behind a call that never answers all that wait fail with it, and not each after a time of its own.
  commit (commit) {
    const entry = commit.record.entry ?? this.entryOf(commit.key)
    const before = entry.waiting === 0 ? Promise.resolve() : entry.turn
    entry.waiting++
    entry.turn = before.then(() => this.carryOut(commit, entry), (error) => {
      if (error instanceof Late) throw error
      return this.carryOut(commit, entry)
    }).finally(() => { entry.waiting-- })
    return entry.turn
  }

  async carryOut (commit, entry) {
    const { plan, flags, key, record, text } = commit
    if (entry.gone && entry.moved !== undefined && flags & Conflict.Immutable) return this.follow(commit, entry.moved)
    const theirs = record.version === entry.version || record.entry === undefined
      ? record.text ?? (plan === Plan.Destroy ? '' : null)
      : await this.reread(plan, key, entry)
    const resolved = native.resolve(plan, flags, record.text, text, theirs)
    if (resolved === Gone || resolved === Refused) return { status: resolved }
    try {
      return await this.write(commit, resolved, entry)
    } finally {
      entry.version++ // behind the write: who loaded while it was under way has to look again
    }
  }

  // Carries the commit out on the record that a rotation has moved; what another request has renewed needs no renewing.
  async follow (commit, key) {
    const { plan, record: { text: base }, text, newKey } = commit
    if (plan === Plan.Renew && base === text) return { status: isFound(await this.read(key)) ? Saved : Gone, text, key }
    const record = { text: base, entry: this.entryOf(key), version: -1 } // so that it is read again
    const moved = { ...commit, key, record, plan: plan === Plan.Renew ? Plan.Save : plan, newKey: plan === Plan.Rotate ? newKey : undefined }
    const result = await this.commit(moved)
    return { ...result, key: result.key ?? key }
  }

  async write ({ key, newKey = key, text, value, ttl, grace }, resolved, entry) {
    if (resolved === Destroyed) {
      await this.call('destroy', key)
      entry.gone = true
      return { status: Destroyed }
    }
    const stored = resolved === text ? value : JSON.parse(resolved)
    await this.call('set', newKey, stored, ttl)
    entry.gone = newKey !== key
    if (entry.gone && grace > 0) {
      entry.moved = newKey
      setTimeout(() => { entry.moved = undefined }, grace).unref()
    }
    const holder = newKey === key ? entry : this.entryOf(newKey)
    const record = { status: Saved, text: resolved, value: stored, entry: holder, version: holder.version + (holder === entry ? 1 : 0) }
    if (newKey === key) return record
    try {
      await this.call('destroy', key)
      return record
    } catch (error) {
      return { ...record, status: Unremoved, error }
    }
  }

  // What the store holds after another commit of this process; what this process destroyed stays dead.
  async reread (plan, key, entry) {
    if (entry.gone) return null
    return plan === Plan.Destroy ? '' : textOf(await this.call('get', key))
  }

  entryOf (key) {
    let entry = this.entries.get(key)?.deref()
    if (entry === undefined) {
      entry = { version: 0, gone: false, moved: undefined, waiting: 0, turn: undefined }
      this.entries.set(key, new WeakRef(entry))
      this.unheld.register(entry, key)
    }
    return entry
  }

  // Calls the store, which may answer with a plain value, a promise, a thunk or a generator.
  async call (method, ...args) {
    const answer = this.store[method](...args)
    if (typeof answer === 'function') return this.inTime(driven(function * () { return yield answer }))
    if (typeof answer?.next === 'function' && typeof answer.throw === 'function') return this.inTime(driven(answer))
    return typeof answer?.then === 'function' ? this.inTime(answer) : answer
  }

  // A call has its time in several parts: where the event loop was blocked, or the process stopped, only one of them is
  // over. And what the store has answered meanwhile is seen before the call fails: timers come before it, immediates behind.
  inTime (promise) {
    let timer
    const late = new Promise((resolve, reject) => {
      const fail = () => reject(new Late(`the session store did not answer within ${this.timeoutMs} ms`))
      const wait = (parts) => {
        timer = setTimeout(() => parts > 1 ? wait(parts - 1) : setImmediate(fail), Math.min(this.timeoutMs / PARTS, LONGEST_MS))
      }
      wait(PARTS)
    })
    return Promise.race([promise, late]).finally(() => clearTimeout(timer))
  }
}

// A generator's promise, by a package that is loaded when a store first needs it.
const driven = (generator) => {
  co ??= require('co')
  return co(generator)
}
let co

const PARTS = 4
const LONGEST_MS = 2 ** 31 - 1 // of a timer; one that is longer fires at once

class Late extends SessionStoreError {}

// The text of what a store answered; null for nothing. What JSON cannot hold is as good as junk.
const textOf = (value) => {
  if (value === null || value === undefined) return null
  try {
    return serialize(value) ?? 'null'
  } catch {
    return 'null'
  }
}

const isFound = ({ value }) => typeof value === 'object' && value !== null

// Under this symbol a JavaScript store's session may tell the milliseconds that are left of it.
const TTL_MS = Symbol('ttl in milliseconds')

module.exports = { JsStore, TTL_MS, isFound }
