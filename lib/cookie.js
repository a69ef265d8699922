'use strict'

const { SessionOptionError } = require('./errors')

// Only these reach a store as ids: no key of another application, no control character, nothing long.
const WELL_FORMED = /^[A-Za-z0-9_-]{1,128}$/

// As the cookies module takes it.
const COOKIE_NAME = /^[\t\x20-\x3a\x3c\x3e-\x7e\x80-\xff]+$/

// Reads one cookie as the cookies module does, without making its jar and without a pattern for every request.
const cookieReader = (name) => {
  const head = `${name}=`
  return (ctx) => {
    const header = ctx.req.headers.cookie
    if (!header) return undefined
    let at = header.indexOf(head)
    while (at > 0 && !isStart(header, at)) at = header.indexOf(head, at + 1)
    if (at === -1) return undefined
    const end = header.indexOf(';', at)
    const value = header.slice(at + head.length, end === -1 ? header.length : end)
    return value[0] === '"' ? value.slice(1, -1) : value
  }
}

// Of a cookie: after a semicolon or at the beginning, and spaces.
const isStart = (header, at) => {
  let before = at - 1
  while (header[before] === ' ') before--
  return before === -1 || header[before] === ';'
}

// Milliseconds that end on a date, or none.
const checkMaxAge = (maxAge) => {
  if (maxAge && typeof maxAge !== 'number') throw new SessionOptionError('cookie.maxAge', maxAge, 'a number of milliseconds')
  if (!(maxAge > 0)) return 0
  if (Number.isNaN(new Date(Date.now() + maxAge).getTime())) throw new SessionOptionError('cookie.maxAge', maxAge, 'a number of milliseconds that ends on a date')
  return maxAge
}

const DEFAULTS = { maxAge: 0, path: '/', httpOnly: true, overwrite: true, signed: false }

// The attributes of a session cookie, and the error of those that could never work.
const attributesOf = (cookie, ctx) => {
  const given = typeof cookie === 'function' ? cookie(ctx) : cookie
  if (given === undefined) return { ...DEFAULTS } // a jar may be the application's, and add to it
  if (given && typeof given !== 'object') throw new SessionOptionError('cookie', given, 'an object')
  const attributes = { ...DEFAULTS, ...given, overwrite: true, signed: false }
  attributes.maxAge = checkMaxAge(attributes.maxAge)
  return attributes
}

// The Set-Cookie lines (two where it is signed), made by the application's own jar on a response of our own: throws
// here, before anything is stored, if the cookie cannot be sent. An empty value deletes the cookie.
const cookieLines = (ctx, name, value, attributes) => {
  const jar = ctx.cookies
  const { response } = jar
  jar.response = CAPTURE
  try {
    jar.set(name, value, attributes)
    return CAPTURE.lines
  } finally {
    jar.response = response
    CAPTURE.lines = undefined
  }
}

const CAPTURE = {
  lines: undefined,
  getHeader () {},
  setHeader (header, lines) { this.lines = lines }
}

// Writes cookies as `cookieLines` does. Lines with the same attributes differ in nothing but the id and, where they have a
// maxAge, the second of their end; so where Koa's own jar would be asked, and nothing else, the rest of its last line serves
// again. To make jar and line took a tenth of a request that changes a session.
class CookieWriter {
  #last

  lines (ctx, name, value, attributes) {
    if (value !== null && WELL_FORMED.test(value) && this.#last?.serves(ctx, attributes)) return [`${name}=${value}${this.#last.rest}`]
    const lines = cookieLines(ctx, name, value, attributes)
    this.#last = Line.of(ctx, name, value, attributes, lines)
    return lines
  }
}

// A line of Koa's own jar, and what it was made of.
class Line {
  constructor (ctx, jar, attributes, rest) {
    this.koa = Object.getPrototypeOf(Object.getPrototypeOf(ctx))
    this.slot = Object.getOwnPropertySymbols(ctx).find((symbol) => ctx[symbol] === jar) // where Koa keeps the jar
    this.jars = Object.getPrototypeOf(jar)
    this.set = jar.set
    this.secure = jar.secure
    this.attributes = attributes
    this.end = endOf(attributes)
    this.rest = rest // what follows the id
  }

  // Undefined where the same attributes could give something else another time.
  static of (ctx, name, value, attributes, lines) {
    const jar = ctx.cookies
    const start = `${name}=${value}`
    if (lines.length !== 1 || !lines[0].startsWith(start) || typeof jar.secure !== 'boolean') return undefined
    if (!arePlain(attributes) || !OWN_SET.test(jar.set)) return undefined
    const line = new Line(ctx, jar, attributes, lines[0].slice(start.length))
    return line.slot === undefined ? undefined : line
  }

  serves (ctx, attributes) {
    if (!this.isKoas(ctx)) return false
    const jar = ctx[this.slot] // mostly not made yet, which is half of what it costs
    if ((jar ?? this.jars).set !== this.set || (jar ?? ctx.request).secure !== this.secure) return false
    return areSame(attributes, this.attributes) && endOf(attributes) === this.end
  }

  // Does `ctx.cookies` lead to Koa's accessor, and to none of the application's?
  isKoas (ctx) {
    const context = ctx.app?.context
    if (Object.getPrototypeOf(ctx) !== context || Object.getPrototypeOf(context) !== this.koa) return false
    return !Object.hasOwn(context, 'cookies') && !Object.hasOwn(ctx, 'cookies')
  }
}

// The cookies module's own method, and none around it that does more.
const OWN_SET = /pushCookie\(headers, cookie\)/

// What the cookies module makes of these, and of nothing else, is the same each time.
const PLAIN = new Set(['maxAge', 'path', 'domain', 'secure', 'httpOnly', 'sameSite', 'priority', 'partitioned', 'overwrite', 'signed'])
const arePlain = (attributes) => Object.keys(attributes).every((name) => PLAIN.has(name) && typeof attributes[name] !== 'object')

// One that is undefined is not one that is not there.
const areSame = (attributes, before) => {
  for (const name in attributes) if (!(name in before) || attributes[name] !== before[name]) return false
  for (const name in before) if (!(name in attributes)) return false
  return true
}

// The second in which a cookie ends.
const endOf = ({ maxAge }) => maxAge ? Math.floor((Date.now() + maxAge) / 1000) : 0

// Adds the lines to the response, in place of earlier ones of the same names.
const sendCookie = ({ res }, lines) => {
  const before = res.getHeader('set-cookie')
  if (before === lines) return
  res.setHeader('Set-Cookie', before === undefined ? lines : [...othersThan(lines, before), ...lines])
}

const othersThan = (lines, before) => {
  const names = lines.map((line) => line.slice(0, line.indexOf('=') + 1))
  return [before].flat().filter((line) => !names.some((name) => line.startsWith(name)))
}

module.exports = { COOKIE_NAME, CookieWriter, WELL_FORMED, attributesOf, checkMaxAge, cookieReader, sendCookie }
