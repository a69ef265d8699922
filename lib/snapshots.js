'use strict'

const { parseSession, serialize } = require('./json')

// What a comparison without JSON.stringify can tell.
const SAME = 0
const OTHER = 1
const UNSURE = 2

// The value of a loaded text, and what it was.
class Snapshot {
  constructor (text, value, before, known, place) {
    this.text = text
    this.value = value // undefined where the text is no session
    this.before = before // a copy of it; undefined where there is none
    this.known = known
    this.place = place // where it was found
    this.next = undefined // what is known of the text of what was compared; undefined where JSON.stringify has to make it
  }

  static of (place) {
    const { known } = place
    return new Snapshot(known.text, copyOf(known.value), known.value, known, place)
  }

  // Is `now`, as JSON has it, what was loaded?
  compare (now) {
    this.next = this.known?.next(now)
    if (this.next !== undefined) return this.next === this.known ? SAME : this.next.difference
    if (this.before === undefined) return UNSURE
    try {
      return compare(now, this.before)
    } catch {
      return UNSURE // as below
    }
  }
}

// What is known of a text.
class Known {
  constructor (text, value, heads, members, difference) {
    this.text = text
    this.value = value // of one that was seen twice; null where there is none
    this.heads = heads // of its members, once they were asked for: `{"name":`, `,"name":`
    this.members = members // their texts; null where JSON.stringify would say it otherwise
    this.difference = difference // from the one that it was made of: OTHER or UNSURE
    this.fresh = difference !== undefined // has nobody met it since it was made? (session(): since that change)
  }

  next (now) {
    try {
      return nextOf(now, this)
    } catch {
      return undefined // what JSON.stringify throws is told by who calls it for the whole
    }
  }
}

// Where a key's latest is kept, as long as its generation is the young one: no need to look it up again.
class Place {
  constructor (key, known, generation) {
    this.key = key
    this.known = known
    this.generation = generation // a number, since who holds a place is not to hold all the others
  }
}

// The most recent texts of a store, and of those that were seen twice the values: a session that is only read is parsed
// once and not once a request, and it is compared with a copy and not serialised. Copying and comparing cost a third to a
// half of that.
class Snapshots {
  #young = new Map()
  #old = new Map() // all that was not asked for since the young ones took its place
  #generation = 0 // of the young
  #characters = 0 // in their texts

  take (key, text) {
    const place = this.#meet(key, text)
    if (place?.known.value) return Snapshot.of(place)
    const value = parseSession(text)
    return new Snapshot(text, value, copyUnlessDeep(value), undefined, place)
  }

  // What take would give, once after each change: who has just changed a session will mostly touch it again.
  atHand (key, text) {
    const place = this.get(key, text)
    if (!place?.known.fresh) return undefined
    place.known.fresh = false
    return Snapshot.of(place)
  }

  // The value alone, of whatever JSON the text is.
  parse (key, text) {
    const value = this.#meet(key, text)?.known.value
    return value ? copyOf(value) : JSON.parse(text)
  }

  // The text of what is to be stored under the key.
  serialize (key, session) {
    const place = this.#find(key)
    const known = place?.known
    const next = known?.value ? known.next(session) : undefined
    const text = next?.text ?? serialize(session) ?? 'null'
    if (known?.text === text) valueOf(known)
    else this.put(key, next ?? new Known(text), place)
    return text
  }

  // Where what was put under the key is, if it is of that very text.
  get (key, text) {
    const place = this.#find(key)
    return place?.known.text === text ? place : undefined
  }

  // `place` may be where the key was found before.
  put (key, known, place) {
    const { length } = known.text
    if (length > MOST_CHARACTERS) return undefined
    const before = place?.generation === this.#generation && place.key === key ? place : this.#young.get(key)
    const characters = this.#characters + length - (before?.known.text.length ?? 0)
    if (before !== undefined && characters <= MOST_CHARACTERS) {
      this.#characters = characters
      before.known = known
      return before
    }
    if (this.#young.size >= MOST_KEYS || characters > MOST_CHARACTERS) {
      this.#old = this.#young
      this.#young = new Map()
      this.#generation++
      this.#characters = 0
    }
    const own = new Place(key, known, this.#generation)
    this.#characters += length
    this.#young.set(key, own)
    return own
  }

  // Where what is known of a text is: its value too, unless it is met for the first time.
  #meet (key, text) {
    const place = this.get(key, text)
    if (place === undefined) return this.put(key, new Known(text))
    valueOf(place.known)
    return place
  }

  #find (key) {
    return this.#young.get(key) ?? this.#promote(key)
  }

  #promote (key) {
    const place = this.#old.get(key)
    if (place === undefined) return undefined
    this.#old.delete(key)
    return this.put(key, place.known)
  }
}

// Of either generation; besides a text it has its value, and may have its members' texts.
const MOST_KEYS = 1000
const MOST_CHARACTERS = 2 * 1024 * 1024

// A copy of what JSON.parse gave; throws where it is so deep that what recurses might overflow the stack. Arrays and
// objects apart, each in the loop that is fast for it.
const copyOf = (value, levels = DEEPEST) => {
  if (levels === 0) throw TOO_DEEP
  if (Array.isArray(value)) return copyOfItems(value, levels - 1)
  const copy = { ...value }
  for (const name in copy) {
    const inner = copy[name]
    if (typeof inner === 'object' && inner !== null && Object.hasOwn(copy, name)) copy[name] = copyOf(inner, levels - 1)
  }
  return copy
}

const copyOfItems = (items, levels) => {
  const copy = items.slice()
  for (let at = 0; at < copy.length; at++) {
    const inner = copy[at]
    if (typeof inner === 'object' && inner !== null) copy[at] = copyOf(inner, levels)
  }
  return copy
}

const copyUnlessDeep = (value) => {
  try {
    return copyOf(value)
  } catch {
    return undefined
  }
}

// What is known of the text of `now`, by what is known of the one that it was loaded from: a member that is as it was
// has the text that it had, so that what has not changed goes through no JSON, neither here nor in the next request.
const nextOf = (now, known) => {
  const { value } = known
  if (Array.isArray(value) || !isPlain(now) || now.toJSON !== undefined) return undefined
  const names = Object.keys(value)
  if (known.members === undefined) split(known, names)
  if (known.members === null) return undefined
  let at = 0
  let next, members, difference // once something has changed
  for (const name in now) { // loads of what it goes through need no lookup
    if (name !== names[at]) return undefined
    const member = now[name]
    const result = compare(member, value[name])
    if (result !== SAME) {
      next ??= sameShape(value)
      members ??= known.members.slice()
      members[at] = memberText(known.heads[at], name, member)
      if (members[at] === '') return undefined // JSON has no such member
      next[name] = Number.isFinite(member) ? member + 0 : JSON.parse(members[at]) // -0 is 0 in JSON
      if (isDeep(next[name], 1)) return undefined
      if (difference !== OTHER) difference = result
    }
    at++
  }
  if (at !== names.length) return undefined
  return next === undefined ? known : new Known(joined(known.heads, members), next, known.heads, members, difference)
}

// With the hidden class of what JSON.parse gives: each `...` makes one of its own, and objects of many are copied slowly.
const sameShape = (value) => {
  const copy = {}
  for (const name in value) copy[name] = value[name]
  return copy
}

// Not of a text that JSON.stringify would not have made: its members' texts would say something else. Nor of one with a
// name that Object.prototype has too (__proto__, or what others have put there): assigning is no way to copy that.
const split = (known, names) => {
  known.heads = names.map((name, at) => `${at === 0 ? '{' : ','}${JSON.stringify(name)}:`)
  known.members = names.map((name, at) => memberText(known.heads[at], name, known.value[name]))
  if (names.some((name) => name in Object.prototype) || joined(known.heads, known.members) !== known.text) known.members = null
}

const joined = (heads, members) => {
  let text = ''
  for (let at = 0; at < heads.length; at++) text += heads[at] + members[at]
  return `${text}}`
}

// Each call of JSON costs as much as some dozens of characters, and of numbers it gives what a template does.
const memberText = (head, name, member) => Number.isFinite(member) ? `${member}` : JSON.stringify({ [name]: member }).slice(head.length, -1)

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
  if (!isPlain(now)) return UNSURE
  const namesBefore = Object.keys(before)
  let at = 0
  for (const name in now) { // as above
    const member = now[name]
    if (at === namesBefore.length) return isScalar(member) ? OTHER : UNSURE
    if (name !== namesBefore[at++]) return UNSURE
    const result = compare(member, before[name])
    if (result !== SAME) return result
  }
  return at === namesBefore.length ? SAME : UNSURE
}

// Does for-in find what JSON does?
const isPlain = (object) => Object.getPrototypeOf(object) === Object.prototype && !isPolluted()

// Has somebody given Object.prototype a member?
const isPolluted = () => {
  for (const name in EMPTY) return name !== undefined // eslint-disable-line no-unreachable-loop
  return false
}

const EMPTY = {}

// As JSON has them.
const isScalar = (value) => value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)

const valueOf = (known) => {
  if (known.value === undefined) known.value = snapshotOf(known.text)
}

// The value of a text; null where there is none, or a deep one.
const snapshotOf = (text) => {
  const value = parseSession(text)
  return value === undefined || isDeep(value) ? null : value
}

const DEEPEST = 64
const TOO_DEEP = new RangeError('a session is too deep to be copied')

const isDeep = (value, depth = 0) => {
  if (typeof value !== 'object' || value === null) return false
  return depth === DEEPEST || Object.values(value).some((inner) => isDeep(inner, depth + 1))
}

module.exports = { SAME, OTHER, UNSURE, Known, Snapshots }
