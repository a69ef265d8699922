'use strict'

// A store that cannot be reached, does not answer or refuses: the client is told to come back (503).
class SessionStoreError extends Error {
  constructor (message, options) {
    super(message, options)
    this.code = 'ERR_SESSION_STORE'
    this.status = 503
    this.headers = { 'retry-after': '1' }
  }
}

// A session that JSON cannot hold.
class SessionSerializeError extends Error {
  constructor (path, why, options) {
    super(`${path} cannot be stored in a session: ${why}`, options)
    this.code = 'ERR_SESSION_SERIALIZE'
    this.status = 500
  }
}

// The session was ended by another request while this one wanted to update it.
class SessionGoneError extends Error {
  constructor () {
    super('the session has been destroyed, regenerated or has expired since it was loaded')
    this.code = 'ERR_SESSION_GONE'
    this.status = 409
  }
}

// No binary of the addon runs here.
class SessionPlatformError extends Error {
  constructor (cause) {
    const { napi, version } = require('../package.json')
    const here = [process.platform, process.arch, ...libc()].join(' ')
    super(`koa-session-native ${version} has no binary that runs here (${here}). There are some for ${napi.targets.join(', ')}, ` +
      'each a package of its own that npm installs unless told to leave out optional dependencies (--omit=optional, or a ' +
      "lock file made on another platform). To build one from source: clone the repository and run 'npm ci && npm run build' with Rust installed", { cause })
    this.code = 'ERR_SESSION_PLATFORM'
  }
}

const libc = () => {
  if (process.platform !== 'linux') return []
  const glibc = process.report?.getReport?.()?.header?.glibcVersionRuntime
  return [glibc === undefined ? 'musl' : `glibc ${glibc}`]
}

// An option that could never work; the fault is in the program, so this is a TypeError.
class SessionOptionError extends TypeError {
  constructor (name, value, accepted) {
    super(`option ${name}: ${accepted} expected${value === undefined ? '' : `, got ${shown(name, value)}`}`)
    this.code = 'ERR_SESSION_OPTION'
    this.status = 500
  }
}

// Strings are shown where there can be no password in them; of all else that is no plain value, only the type.
const SHOWN = new Set(['key', 'name', 'conflict', 'cookie.maxAge'])

const shown = (name, value) => {
  if (typeof value === 'string') return SHOWN.has(name) ? JSON.stringify(value) : 'a string'
  return Object(value) === value || name.includes('password') ? `a value of type ${typeof value}` : String(value)
}

for (const type of [SessionStoreError, SessionSerializeError, SessionGoneError, SessionPlatformError, SessionOptionError]) {
  Object.defineProperty(type.prototype, 'name', { value: type.name, configurable: true, writable: true })
}

module.exports = { SessionStoreError, SessionSerializeError, SessionGoneError, SessionPlatformError, SessionOptionError }
