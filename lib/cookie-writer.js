'use strict'

const { cookieLines } = require('./cookie')
const { accessorOf, hasNone, isText, slotOf } = require('./jar')

// Writes a session's cookie as `cookieLines` does. What Koa's own jar makes of the same attributes differs in nothing but
// the id and, where they have a maxAge, the second of its end: so where Koa would have to make that jar now, the rest of
// its last line serves again. Jar and line took a tenth of a request that changes a session.
class CookieWriter {
  #last

  // `id` is one of ours, or one that might be: nothing in it is special in a cookie.
  lines (ctx, name, id, attributes) {
    if (this.#last?.serves(ctx, name, attributes)) return [`${name}=${id}${this.#last.rest}`]
    const isMadeForThis = hasNone(ctx)
    const end = endOf(attributes)
    const lines = cookieLines(ctx, name, id, attributes)
    if (isMadeForThis) this.#last = Line.of(ctx, lines, name, id, attributes, end) ?? this.#last
    return lines
  }
}

// A line of a jar that Koa has made, and what it was made of.
class Line {
  constructor (accessor, slot, jar, name, attributes, end, rest) {
    this.accessor = accessor
    this.slot = slot // where Koa keeps a context's jar
    this.jars = Object.getPrototypeOf(jar)
    this.set = jar.set
    this.secure = jar.secure
    this.name = name
    this.attributes = attributes
    this.end = end
    this.rest = rest // what follows the id
  }

  // Undefined where another request's line might have something else in it.
  static of (ctx, lines, name, id, attributes, end) {
    const accessor = accessorOf(ctx)
    const slot = slotOf(accessor)
    if (slot === undefined || !arePlain(attributes) || attributes.signed !== false) return undefined // a signature is one id's
    const jar = ctx[slot]
    if (!isText(jar?.set, JARS_SET) || typeof jar.secure !== 'boolean') return undefined
    const start = `${name}=${id}`
    if (!`${lines[0]};`.startsWith(`${start};`)) return undefined // nobody is to get another's id with it
    return new Line(accessor, slot, jar, name, attributes, end, lines[0].slice(start.length))
  }

  serves (ctx, name, attributes) {
    return name === this.name && accessorOf(ctx) === this.accessor && ctx[this.slot] === undefined && this.jars.set === this.set &&
      ctx.request.secure === this.secure && areSame(attributes, this.attributes) && endOf(attributes) === this.end
  }
}

// The cookies module's method as it comes.
const JARS_SET = /pushCookie\(headers, cookie\)/

// What the cookies module makes of these, and of nothing else, is the same each time.
const PLAIN = new Set(['maxAge', 'path', 'domain', 'secure', 'httpOnly', 'sameSite', 'priority', 'partitioned', 'overwrite', 'signed'])
const arePlain = (attributes) => Object.keys(attributes).every((name) => PLAIN.has(name) && !['object', 'function'].includes(typeof attributes[name]))

// One that is undefined is not one that is not there.
const areSame = (attributes, before) => {
  for (const name in attributes) if (!(name in before) || attributes[name] !== before[name]) return false
  for (const name in before) if (!(name in attributes)) return false
  return true
}

// The second in which a cookie ends.
const endOf = ({ maxAge }) => maxAge ? Math.floor((Date.now() + maxAge) / 1000) : 0

module.exports = { CookieWriter }
