'use strict'

const { SessionOptionError } = require('./errors')
const { hasNone } = require('./jar')

// Only these reach a store as ids: no key of another application, no control character, nothing long.
const WELL_FORMED = /^[A-Za-z0-9_-]{1,128}$/

// As the cookies module takes it.
const COOKIE_NAME = /^[\t\x20-\x3a\x3c\x3e-\x7e\x80-\xff]+$/

const UNSIGNED = { signed: false }

// Reads one cookie by the context's jar. What Koa's own would give is read without it, and without a pattern for every
// request.
const cookieReader = (name) => {
  const head = `${name}=`
  const find = (header) => {
    if (!header) return undefined
    let at = header.indexOf(head)
    while (at > 0 && !isStart(header, at)) at = header.indexOf(head, at + 1)
    if (at === -1) return undefined
    const end = header.indexOf(';', at)
    const value = header.slice(at + head.length, end === -1 ? header.length : end)
    return value[0] === '"' ? value.slice(1, -1) : value
  }
  return (ctx) => {
    if (hasNone(ctx) || typeof ctx.cookies?.get !== 'function') return find(ctx.req.headers.cookie)
    const value = ctx.cookies.get(name, UNSIGNED)
    return typeof value === 'string' ? value : undefined
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

// The Set-Cookie lines (two where it is signed), made by the application's own jar, but not sent: throws here, before
// anything is stored, if the cookie cannot be sent. An empty value deletes the cookie.
const cookieLines = (ctx, name, value, attributes) => {
  const jar = ctx.cookies
  const { response } = jar
  if (!Object.getOwnPropertyDescriptor(jar, 'response')?.writable) return takenBack(ctx.res, () => jar.set(name, value, attributes))
  jar.response = CAPTURE
  try {
    jar.set(name, value, attributes)
    return CAPTURE.lines ?? []
  } finally {
    jar.response = response
    CAPTURE.lines = undefined
  }
}

// The lines that a jar of another kind, one around another maybe, adds to the response.
const takenBack = (res, set) => {
  if (res.headersSent) return []
  const before = linesOf(res.getHeader('set-cookie')) // a copy: the cookies module adds to the list that it finds
  try {
    set()
    return linesOf(res.getHeader('set-cookie')).filter((line) => !before.includes(line))
  } finally {
    if (before.length === 0) res.removeHeader('set-cookie')
    else res.setHeader('Set-Cookie', before)
  }
}

const linesOf = (header) => header === undefined ? [] : [header].flat()

const CAPTURE = {
  lines: undefined,
  getHeader () {},
  setHeader (header, lines) { this.lines = lines }
}

// Adds the lines to the response, in place of earlier ones of the same names.
const sendCookie = ({ res }, lines) => {
  const before = res.getHeader('set-cookie')
  if (before === lines || lines.length === 0) return
  res.setHeader('Set-Cookie', before === undefined ? lines : [...othersThan(lines, before), ...lines])
}

const othersThan = (lines, before) => {
  const names = lines.map((line) => line.slice(0, line.indexOf('=') + 1))
  return linesOf(before).filter((line) => !names.some((name) => line.startsWith(name)))
}

module.exports = { COOKIE_NAME, WELL_FORMED, attributesOf, checkMaxAge, cookieLines, cookieReader, sendCookie }
