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
      const step = Array.isArray(value) ? `[${name}]` : /^[\w$]+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
      pending.push({ holder: value, key: name, path: path + step, above: inside })
    }
  }
}

// Deeper than any session in use, and shallow enough that the paths stay small.
const MAX_DEPTH = 1000

// Is the text an object or array? What else JSON has is no session.
const isSession = (text) => text !== undefined && (text[0] === '{' || text[0] === '[')

module.exports = { isSession, serialize }
