'use strict'

const native = require('./native')
const { attributesOf } = require('./cookie')
const { SessionOptionError } = require('./errors')

const { Conflict } = native

const warned = new Set()

// Names that we do not know change nothing (an app may bring another middleware's leftovers), but are told once.
const checkNames = (what, given, known) => {
  for (const name of Object.keys(given)) {
    if (known.includes(name) || warned.has(`${what}.${name}`)) continue
    warned.add(`${what}.${name}`)
    const nearest = native.nearest(name, known)
    process.emitWarning(`${what} knows no option "${name}" and ignores it; the nearest that it knows is "${nearest}"`, 'SessionWarning')
  }
}

const number = (name, value, least) => {
  if (typeof value === 'number' && value >= least && value <= Number.MAX_SAFE_INTEGER) return value
  throw new SessionOptionError(name, value, `a number of at least ${least}`)
}

const string = (name, value) => {
  if (typeof value === 'string') return value
  throw new SessionOptionError(name, value, 'a string')
}

const oneOf = (name, value, accepted) => {
  if (accepted.includes(value)) return value
  throw new SessionOptionError(name, value, accepted.map((word) => `'${word}'`).join(' or '))
}

// The options of `session()`, checked; falsy values mean the default, as in koa-session-minimal.
const sessionOptions = (options) => {
  const given = options || {}
  if (typeof given !== 'object') throw new SessionOptionError('options', given, 'an object')
  checkNames('session', given, ['key', 'store', 'cookie', 'adoptUnknownIds', 'conflict', 'storeTimeoutMs'])
  const key = string('key', given.key || 'koa:sess')
  if (!COOKIE_NAME.test(key)) throw new SessionOptionError('key', key, 'a cookie name')
  const store = given.store || undefined
  if (store && !['get', 'set', 'destroy'].every((method) => typeof store[method] === 'function')) {
    throw new SessionOptionError('store', store, 'an object with the methods get, set and destroy')
  }
  const cookie = given.cookie || undefined
  if (typeof cookie !== 'function') attributesOf(cookie)
  return {
    key,
    store,
    cookie,
    adopt: Boolean(given.adoptUnknownIds),
    conflict: oneOf('conflict', given.conflict || 'merge', ['merge', 'overwrite']) === 'merge' ? Conflict.Merge : Conflict.Overwrite,
    storeTimeoutMs: number('storeTimeoutMs', given.storeTimeoutMs || 10000, 1)
  }
}

// As the cookies module takes it.
const COOKIE_NAME = /^[\t\x20-\x3a\x3c\x3e-\x7e\x80-\xff]+$/

module.exports = { checkNames, number, string, sessionOptions }
