'use strict'

const native = require('./addon')
const { attributesOf, COOKIE_NAME } = require('./cookie')
const { SessionOptionError } = require('./errors')

const { Conflict } = native

// A kind of option checks a value, and answers with what we make of it.
const kind = (accepted, test, make = (value) => value) => (name, value) => {
  if (!test(value)) throw new SessionOptionError(name, value, accepted)
  return make(value)
}
const isString = (value) => typeof value === 'string'
const string = kind('a string', isString)
const name = kind('a string with something in it', (value) => isString(value) && value !== '')
const strings = kind('a list of strings', (value) => Array.isArray(value) && value.every(isString))
const boolean = kind('true or false', (value) => typeof value === 'boolean')
const pem = kind('PEM text or the path of a file', (value) => isString(value) || Buffer.isBuffer(value), String)
const positive = kind('a number of at least 1', (value) => typeof value === 'number' && value >= 1 && value <= Number.MAX_SAFE_INTEGER)
const upTo = (most) => kind(`a whole number from 0 to ${most}`, (value) => Number.isInteger(value) && value >= 0 && value <= most)
const group = (kinds) => (name, value) => {
  if (typeof value !== 'object') throw new SessionOptionError(name, value, 'an object')
  return read(name, value, kinds)
}

const sessionKinds = {
  key: kind('a cookie name', (value) => isString(value) && COOKIE_NAME.test(value)),
  store: kind('an object with the methods get, set and destroy', (value) => ['get', 'set', 'destroy'].every((method) => typeof value[method] === 'function')),
  cookie: (name, value) => {
    if (typeof value !== 'function') attributesOf(value)
    return value
  },
  adoptUnknownIds: Boolean,
  conflict: kind("'merge' or 'overwrite'", (value) => value === 'merge' || value === 'overwrite', (value) => value === 'merge' ? Conflict.Merge : Conflict.Overwrite),
  storeTimeoutMs: positive,
  onStoreError: kind('a function', (value) => typeof value === 'function')
}

const imsessionKinds = {
  name: sessionKinds.key,
  store: sessionKinds.store,
  idResolver: kind('an object with the methods get, set and generate', (value) => ['get', 'set', 'generate'].every((method) => typeof value[method] === 'function')),
  cookie: kind('an object', (value) => typeof value === 'object'),
  frozen: boolean,
  regenerateGraceMs: upTo(2 ** 31 - 1),
  conflict: sessionKinds.conflict,
  storeTimeoutMs: positive
}

const memoryKinds = { name, maxBytes: positive }

const redisKinds = {
  url: string,
  host: name,
  port: kind('a port number', (value) => Number.isInteger(value) && value > 0 && value < 65536),
  socket: name,
  username: string,
  password: string,
  db: upTo(2 ** 31 - 1),
  cluster: strings,
  sentinel: group({ master: string, nodes: strings, username: string, password: string }),
  tls: group({ ca: pem, cert: pem, key: pem, servername: string, rejectUnauthorized: boolean }),
  prefix: string,
  connectTimeoutMs: positive,
  commandTimeoutMs: positive,
  maxPending: positive
}

// The options that were given, checked. Names that we do not know change nothing (an app may bring another
// middleware's leftovers), but are told once.
const read = (what, given, kinds, isDefault = (value) => value === undefined || value === null) => {
  const known = Object.keys(kinds)
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) warn(what, name, known)
  }
  const path = what in top ? '' : `${what}.`
  const values = known.map((name) => [name, given[name]]).filter(([, value]) => !isDefault(value))
  return Object.fromEntries(values.map(([name, value]) => [name, kinds[name](path + name, value)]))
}

const warned = new Set()
const warn = (what, name, known) => {
  if (warned.has(`${what}.${name}`)) return
  warned.add(`${what}.${name}`)
  process.emitWarning(`${what} knows no option "${name}" and ignores it; the nearest that it knows is "${native.nearest(name, known)}"`, 'SessionWarning')
}

const top = { session: sessionKinds, imsession: imsessionKinds, MemoryStore: memoryKinds, RedisStore: redisKinds }

const optionsOf = (what, options, isDefault) => {
  if (options && typeof options !== 'object') throw new SessionOptionError('options', options, 'an object')
  return read(what, options || {}, top[what], isDefault)
}

module.exports = {
  // Falsy values mean the default, as in koa-session-minimal.
  sessionOptions: (options) => ({ key: 'koa:sess', conflict: Conflict.Merge, storeTimeoutMs: 10000, ...optionsOf('session', options, (value) => !value) }),
  imsessionOptions: (options) => ({ name: 'connsid', conflict: Conflict.Merge, storeTimeoutMs: 10000, regenerateGraceMs: 0, ...optionsOf('imsession', options) }),
  memoryOptions: (options) => optionsOf('MemoryStore', options),
  redisOptions: (options) => ({ prefix: '', connectTimeoutMs: 2000, commandTimeoutMs: 1000, maxPending: 10000, ...optionsOf('RedisStore', options) }),
  string
}
