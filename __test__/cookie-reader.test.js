'use strict'

const test = require('ava')
const Cookies = require('cookies')
const fc = require('fast-check')
const { cookieReader } = require('../lib/cookie')

const names = ['koa:sess', 'a', 'a.b', '$x', 'sid(1)']

test('a cookie is read as the cookies module reads it, whatever the header says', (t) => {
  const header = fc.constantFrom(...names).chain((name) => {
    const piece = fc.constantFrom(name, `${name}=`, `x${name}=`, `; ${name}=`, ';', ' ', '=', '"', 'v', '\t', ',')
    return fc.record({ name: fc.constant(name), cookie: fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')) })
  })
  fc.assert(fc.property(header, ({ name, cookie }) => {
    const req = { headers: { cookie } }
    t.is(cookieReader(name)({ req }), new Cookies(req, {}).get(name))
  }), { numRuns: 3000 })
})

test('without a header there is no cookie', (t) => {
  t.is(cookieReader('a')({ req: { headers: {} } }), undefined)
})
