'use strict'

const { SessionSerializeError } = require('./errors')

// The session's JSON text; undefined where JSON has none.
const serialize = (session) => {
  try {
    return JSON.stringify(session)
  } catch (error) {
    const { path, why } = findFault(session) ?? { path: 'session', why: 'it is nested too deeply' }
    throw new SessionSerializeError(path, why, { cause: error })
  }
}

// Where JSON.stringify failed: it throws without saying so. No recursion: the fault may be the depth itself.
const findFault = (session) => {
  const pending = [{ holder: { session }, key: 'session', path: 'session', above: null }]
  for (let visit = pending.pop(); visit !== undefined; visit = pending.pop()) {
    const { holder, key, path, above } = visit
    let value
    try {
      value = holder[key]
      if (typeof value?.toJSON === 'function') value = value.toJSON(key)
    } catch {
      return { path, why: 'reading it throws' }
    }
    if (typeof value === 'bigint') return { path, why: 'it is a BigInt' }
    if (value === null || typeof value !== 'object') continue
    for (let outer = above; outer !== null; outer = outer.above) {
      if (outer.value === value) return { path, why: 'it contains itself' }
    }
    const depth = above === null ? 1 : above.depth + 1
    if (depth > MAX_DEPTH) return { path: `${path.slice(0, 80)}...`, why: 'it is nested too deeply' }
    const inside = { value, above, depth }
    for (const name of Object.keys(value).reverse()) {
      const short = name.length > 40 ? `${name.slice(0, 40)}...` : name
      const step = Array.isArray(value) ? `[${name}]` : /^[\w$]+$/.test(name) ? `.${short}` : `[${JSON.stringify(short)}]`
      pending.push({ holder: value, key: name, path: path + step, above: inside })
    }
  }
}

// Deeper than any session in use, and shallow enough that the paths stay small.
const MAX_DEPTH = 1000

// The object or array that a text is; undefined where it is something else, or no JSON at all.
const parseSession = (text) => {
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

// Gives `held` the members of `stored`, and itself back: who holds on to it sees them. What is in it may be the
// application's, and is replaced and not changed. Where `held` cannot become it, `stored` takes its place.
const become = (held, stored) => {
  if (Array.isArray(held) !== Array.isArray(stored) || !isOpen(held)) return stored
  if (Array.isArray(held)) held.length = stored.length
  for (const name of Object.keys(held)) {
    if (!Object.hasOwn(stored, name)) delete held[name]
  }
  for (const name of Object.keys(stored)) {
    const value = stored[name]
    if (Object.hasOwn(held, name) && sameText(held[name], value)) continue
    Object.defineProperty(held, name, { value, configurable: true, enumerable: true, writable: true })
  }
  return held
}

// May its members be replaced and deleted?
const isOpen = (held) => Object.isExtensible(held) && typeof held.toJSON !== 'function' &&
  Object.keys(held).every((name) => Object.getOwnPropertyDescriptor(held, name).configurable)

const sameText = (a, b) => JSON.stringify(a) === JSON.stringify(b)

// Is the text an object or array? What else JSON has is no session.
const isSession = (text) => text !== undefined && (text[0] === '{' || text[0] === '[')

module.exports = { become, isSession, parseSession, serialize }
