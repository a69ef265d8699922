'use strict'

const test = require('ava')
const fc = require('fast-check')
const native = require('../../lib/native')
const { merge } = require('./reference')

// The merge in Rust against the reference on what JSON.parse makes of the same texts: numbers, escapes, lone surrogates
// and duplicate keys as JavaScript sees them.

const SEED = Number(process.env.SEED) || undefined

const leaf = fc.oneof(
  fc.constantFrom('null', 'true', 'false', '0', '-0', '1', '1.0', '1e0', '1E400', '9007199254740993', '9007199254740992', '0.1'),
  fc.constantFrom('""', '"a"', '"\\u0061"', '"é"', '"\\u00e9"', '"\\ud83d"', '"\\uD83D"', '"\\ude00"', '"😀"', '"\\ud83d\\ude00"', '"\\/"', '"/"')
)
const key = fc.constantFrom('"a"', '"\\u0061"', '"b"', '"é"', '"\\u00e9"', '"\\ud83d"', '"1"', '""')
const space = fc.constantFrom('', ' ', '\n\t')
const object = (value) => fc.array(fc.tuple(space, key, space, value), { maxLength: 4 })
  .map((members) => `{${members.map(([before, key, between, value]) => `${before}${key}${between}:${value}`).join(',')}}`)
const { session } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, tie('array'), tie('session')),
  array: fc.array(tie('value'), { maxLength: 2 }).map((items) => `[${items.join(', ')}]`),
  session: object(tie('value'))
}))

// -0 and 0 are one number here, as they are for JSON.stringify.
const parse = (text) => JSON.parse(text, (name, value) => value === 0 ? 0 : value)

test('merge agrees with the reference on what JSON.parse sees', (t) => {
  fc.assert(fc.property(session, session, session, (base, ours, theirs) => {
    const merged = parse(native.merge(base, ours, theirs))
    t.deepEqual(merged, merge(parse(base), parse(ours), parse(theirs)))
  }), { numRuns: 5000, seed: SEED })
})

test('no change, however it is spelled, keeps theirs byte for byte', (t) => {
  fc.assert(fc.property(session, session, (base, theirs) => {
    const { parse, stringify } = JSON
    fc.pre(!/1E400/.test(base)) // stringify makes null of Infinity, which is a change
    fc.pre(theirs !== base) // then ours is as good
    t.is(native.merge(base, stringify(parse(base)), theirs), theirs)
  }), { numRuns: 2000, seed: SEED })
})

test('the plan of an unchanged session is to do nothing', (t) => {
  fc.assert(fc.property(session, (text) => {
    fc.pre(!/1E400/.test(text))
    t.is(native.plan(text, JSON.stringify(JSON.parse(text)), false, true), native.Plan.Nothing)
  }), { numRuns: 2000, seed: SEED })
})
