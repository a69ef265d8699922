'use strict'

const test = require('ava')
const fc = require('fast-check')
const { OTHER, SAME, Snapshots } = require('../lib/snapshots')

// The snapshot of a text that was seen before, or is seen for the first time.
const seen = (text) => {
  const snapshots = new Snapshots()
  snapshots.take('key', text)
  return snapshots.take('key', text)
}
const unseen = (text) => new Snapshots().take('key', text)
const kinds = { seen, unseen }

const object = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 })
const parsed = (text) => JSON.parse(text)

// Strange things that a handler may put in the place of a member.
const strange = fc.constantFrom(undefined, NaN, -0, new Date(0), new Map([[1, 2]]), [, 1], Object.create({ a: 1 }), () => {}, Symbol('s'), // eslint-disable-line no-sparse-arrays
  { toJSON: () => 1 }, Object.assign([1], { toJSON: () => [2] }), Object.create(null), Object('text'), new (class A { a = 1 })())

for (const [kind, take] of Object.entries(kinds)) {
  test(`${kind}: the value is what JSON.parse gives, and an object of its own`, (t) => {
    fc.assert(fc.property(object, (value) => {
      const text = JSON.stringify(value)
      const snapshot = take(text)
      t.deepEqual(snapshot.value, parsed(text))
      t.is(JSON.stringify(snapshot.value), JSON.stringify(parsed(text)))
      snapshot.value.changed = true
      t.is(JSON.stringify(take(text).value), JSON.stringify(parsed(text)))
    }))
  })

  test(`${kind}: what it says of a changed value is what the texts say`, (t) => {
    fc.assert(fc.property(object, object, fc.option(strange, { nil: 'none' }), (value, other, put) => {
      const text = JSON.stringify(value)
      const now = { ...take(text).value, ...other }
      if (put !== 'none') now.strange = put
      const result = take(text).compare(now)
      const nowText = JSON.stringify(now)
      if (result === SAME) t.is(nowText, text)
      if (result === OTHER) t.notDeepEqual(parsed(nowText), parsed(text))
    }))
    t.pass()
  })

  test(`${kind}: a change in place is seen wherever it is`, (t) => {
    const text = '{"a":1,"b":{"c":[1,{"d":"x"}],"e":null}}'
    const changes = {
      'another number': (value) => { value.a = 2 },
      'another string inside': (value) => { value.b.c[1].d = 'y' },
      'one more': (value) => { value.b.c.push(2) },
      'one less': (value) => { delete value.b.e },
      'another place': (value) => { value.b = { e: null, c: value.b.c } }
    }
    t.is(take(text).compare(parsed(text)), kind === 'seen' ? SAME : take(text).compare(parsed(text)))
    for (const [what, change] of Object.entries(changes)) {
      const { value } = take(text)
      const snapshot = take(text)
      change(value)
      t.not(snapshot.compare(value), SAME, what)
    }
  })
}

test('what is no session, or very deep, is not kept', (t) => {
  const deep = '['.repeat(200) + ']'.repeat(200)
  for (const take of [unseen, seen]) {
    t.is(take('{').value, undefined)
    t.is(take('7').value, undefined)
    t.is(JSON.stringify(take(deep).value), deep)
  }
})

test('of many keys the most recently used are kept, and of another text nothing', (t) => {
  const snapshots = new Snapshots()
  const isKnown = (key) => snapshots.get(key, '{"n":1}') !== undefined
  for (let n = 0; n < 5000; n++) {
    snapshots.take(`k${n}`, '{"n":1}')
    snapshots.take('used', '{"n":1}')
  }
  t.true(isKnown('used') && isKnown('k4999'))
  t.false(isKnown('k0'))
  t.is(snapshots.get('used', '{"n":2}'), undefined)
})

test('own members of the name __proto__ are members like any other', (t) => {
  const text = '{"__proto__":{"a":1},"b":2}'
  const { value } = seen(text)
  t.is(JSON.stringify(value), text)
  t.is(Object.getPrototypeOf(value), Object.prototype)
  t.is(seen(text).compare(value), SAME)
})
