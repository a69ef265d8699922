'use strict'

const { parseSession } = require('./json')

// What a comparison without JSON.stringify can tell.
const SAME = 0
const OTHER = 1
const UNSURE = 2

// The value of a loaded text, and what it was.
class Snapshot {
  constructor (text, value, before, isWhole) {
    this.text = text
    this.value = value // undefined where the text is no session
    this.before = before
    this.isWhole = isWhole // or of the outermost members alone, sharing the objects in it with `value`
  }

  // Is `now`, as JSON has it, what was loaded?
  compare (now) {
    const result = compare(now, this.before)
    return result === SAME && !this.isWhole ? UNSURE : result
  }
}

// The most recent texts of a store, and of those that were seen twice the values: a session that is only read is parsed
// and serialised once and not once a request, since copying and comparing it cost a third of that.
class Snapshots {
  #young = new Map()
  #old = new Map() // all that was not asked for since the young ones took its place
  #characters = 0 // in the texts of the young

  take (key, text) {
    const seen = this.get(key, text)
    if (seen === undefined) this.put(key, text, undefined)
    else if (seen.value === undefined) seen.value = snapshotOf(text)
    if (seen?.value) return new Snapshot(text, copyOf(seen.value), seen.value, true)
    const value = parseSession(text)
    return new Snapshot(text, value, { ...value }, false)
  }

  // What was put under the key, if it is of that very text.
  get (key, text) {
    const entry = this.#young.get(key) ?? this.#promote(key)
    return entry?.text === text ? entry : undefined
  }

  put (key, text, value) {
    if (text.length > MOST_CHARACTERS) return
    if (this.#young.size >= MOST_KEYS || this.#characters + text.length > MOST_CHARACTERS) {
      this.#old = this.#young
      this.#young = new Map()
      this.#characters = 0
    }
    this.#characters += text.length
    this.#young.set(key, { text, value })
  }

  #promote (key) {
    const entry = this.#old.get(key)
    if (entry === undefined) return undefined
    this.#old.delete(key)
    this.put(key, entry.text, entry.value)
    return this.#young.get(key)
  }
}

// Of either generation.
const MOST_KEYS = 1000
const MOST_CHARACTERS = 4 * 1024 * 1024

// A copy of what JSON.parse gave. Arrays and objects apart, each in the loop that is fast for it.
const copyOf = (value) => {
  if (Array.isArray(value)) return copyOfArray(value)
  const copy = { ...value }
  for (const name in copy) {
    const inner = copy[name]
    if (typeof inner === 'object' && inner !== null) copy[name] = copyOf(inner)
  }
  return copy
}

const copyOfArray = (value) => {
  const copy = value.slice()
  for (let at = 0; at < copy.length; at++) {
    const inner = copy[at]
    if (typeof inner === 'object' && inner !== null) copy[at] = copyOf(inner)
  }
  return copy
}

// Is `now` what JSON.parse gave `before`, to the order of its members? Rust decides what is out of the ordinary (a class,
// a toJSON), and where the first difference is one of form.
const compare = (now, before) => {
  if (now === before) return SAME
  if (isScalar(now) && isScalar(before)) return OTHER
  if (isScalar(now) || isScalar(before) || typeof now !== 'object' || now.toJSON !== undefined) return UNSURE
  if (Array.isArray(before) !== Array.isArray(now)) return UNSURE
  return Array.isArray(before) ? compareItems(now, before) : compareMembers(now, before)
}

const compareItems = (now, before) => {
  if (now.length !== before.length) return UNSURE
  for (let at = 0; at < before.length; at++) {
    const result = compare(now[at], before[at])
    if (result !== SAME) return result
  }
  return SAME
}

const compareMembers = (now, before) => {
  if (Object.getPrototypeOf(now) !== Object.prototype) return UNSURE
  const names = Object.keys(now)
  const namesBefore = Object.keys(before)
  if (names.length < namesBefore.length) return UNSURE
  for (let at = 0; at < namesBefore.length; at++) {
    const name = names[at]
    if (name !== namesBefore[at]) return UNSURE
    const result = compare(now[name], before[name])
    if (result !== SAME) return result
  }
  if (names.length === namesBefore.length) return SAME
  return isScalar(now[names[namesBefore.length]]) ? OTHER : UNSURE
}

// As JSON has them.
const isScalar = (value) => value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)

// The value of a text; null where there is none, or one so deep that what recurses might overflow the stack.
const snapshotOf = (text) => {
  const value = parseSession(text)
  return value === undefined || isDeep(value) ? null : value
}

const DEEPEST = 64

const isDeep = (value, depth = 0) => {
  if (typeof value !== 'object' || value === null) return false
  return depth === DEEPEST || Object.values(value).some((inner) => isDeep(inner, depth + 1))
}

module.exports = { SAME, OTHER, Snapshots }
