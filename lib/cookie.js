'use strict'

const { SessionOptionError } = require('./errors')

// Only these reach a store as ids: no key of another application, no control character, nothing long.
const WELL_FORMED = /^[A-Za-z0-9_-]{1,128}$/

// As the cookies module takes it.
const COOKIE_NAME = /^[\t\x20-\x3a\x3c\x3e-\x7e\x80-\xff]+$/

// Reads one cookie as the cookies module does, without making its jar for every request.
const cookieReader = (name) => {
  const pattern = new RegExp(`(?:^|;) *${name.replace(/[\^$\\.*+?()[\]{}|]/g, '\\$&')}=([^;]*)`)
  return (ctx) => {
    const header = ctx.req.headers.cookie
    const found = header && pattern.exec(header)
    if (!found) return undefined
    const value = found[1][0] === '"' ? found[1].slice(1, -1) : found[1]
    return WELL_FORMED.test(value) ? value : undefined
  }
}

// The attributes of a session cookie, and the error of those that could never work.
const attributesOf = (cookie, ctx) => {
  const given = typeof cookie === 'function' ? cookie(ctx) : cookie
  if (given && typeof given !== 'object') throw new SessionOptionError('cookie', given, 'an object')
  const attributes = { maxAge: 0, path: '/', httpOnly: true, ...given, overwrite: true, signed: false }
  const { maxAge } = attributes
  if (maxAge && typeof maxAge !== 'number') throw new SessionOptionError('cookie.maxAge', maxAge, 'a number of milliseconds')
  if (!(maxAge > 0)) attributes.maxAge = 0
  else if (Number.isNaN(new Date(Date.now() + maxAge).getTime())) throw new SessionOptionError('cookie.maxAge', maxAge, 'a number of milliseconds that ends on a date')
  return attributes
}

// The Set-Cookie line, made by the application's own jar on a response of its own: throws here, before anything is
// stored, if the cookie cannot be sent. An empty value deletes the cookie.
const cookieLine = (ctx, name, value, { maxAge, ...attributes }) => {
  let line
  const response = { getHeader: () => undefined, setHeader: (header, lines) => { line = lines[0] } }
  const jar = Object.create(ctx.cookies, { response: { value: response } })
  jar.set(name, value, value === null ? attributes : { maxAge, ...attributes })
  return line
}

// Adds the line to the response, in place of an earlier one of that name.
const sendCookie = (ctx, name, line) => {
  const lines = [ctx.res.getHeader('set-cookie') ?? []].flat()
  ctx.res.setHeader('Set-Cookie', [...lines.filter((other) => !other.startsWith(`${name}=`)), line])
}

module.exports = { COOKIE_NAME, cookieReader, attributesOf, cookieLine, sendCookie }
