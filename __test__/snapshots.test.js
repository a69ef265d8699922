'use strict'

const test = require('ava')
const fc = require('fast-check')
const { Known, OTHER, SAME, Snapshots, UNSURE } = require('../lib/snapshots')

// The snapshot of a text that was seen before, or is seen for the first time.
const seen = (text) => {
  const snapshots = new Snapshots()
  snapshots.take('key', text)
  return snapshots.take('key', text)
}
const unseen = (text) => new Snapshots().take('key', text)
const kinds = { seen, unseen }

// What is known of the text of `now`.
const nextOf = (snapshot, now) => {
  snapshot.compare(now)
  return snapshot.next
}

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

  test(`${kind}: what throws when it is read is left to JSON.stringify`, (t) => {
    const text = '{"a":{"b":[{}]}}'
    for (const holderOf of [({ value }) => value, ({ value }) => value.a, ({ value }) => value.a.b[0]]) {
      const snapshot = take(text)
      Object.defineProperty(holderOf(snapshot), 'a', { enumerable: true, get () { throw new Error('no value') } })
      t.is(snapshot.compare(snapshot.value), UNSURE)
    }
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
    t.is(take(text).compare(parsed(text)), SAME)
    for (const [what, change] of Object.entries(changes)) {
      const { value } = take(text)
      const snapshot = take(text)
      change(value)
      t.not(snapshot.compare(value), SAME, what)
    }
  })
}

test('the text made of what is known is what JSON.stringify gives, and what is known of it is what JSON.parse gives', (t) => {
  const member = fc.oneof(fc.jsonValue({ maxDepth: 3 }), strange, fc.constantFrom(0, 1e21, 5e-324, '\ud800', '"', null, true))
  let made = 0
  fc.assert(fc.property(object, fc.array(fc.record({ at: fc.nat(3), member })), (value, changes) => {
    const snapshots = new Snapshots()
    let text = JSON.stringify(value)
    snapshots.take('key', text)
    for (const { at, member } of changes) {
      const snapshot = snapshots.take('key', text)
      const now = snapshot.value
      const names = Object.keys(now)
      if (names.length > 0) now[names[at % names.length]] = member
      const next = nextOf(snapshot, now)
      text = JSON.stringify(now)
      if (next === undefined) {
        snapshots.take('key', text)
        continue
      }
      made++
      t.is(next.text, text)
      t.is(JSON.stringify(next.value), text)
      t.deepEqual(next.value, parsed(text))
      snapshots.put('key', next)
      t.deepEqual(snapshots.take('key', text).value, parsed(text))
    }
  }))
  t.true(made > 20)
})

test('at hand is what was changed, once, and not what was only seen', (t) => {
  const snapshots = new Snapshots()
  const text = '{"a":1}'
  for (let times = 0; times < 3; times++) {
    snapshots.take('key', text)
    t.is(snapshots.atHand('key', text), undefined)
  }
  const next = nextOf(snapshots.take('key', text), { a: 2 })
  snapshots.put('key', next)
  t.is(snapshots.atHand('key', text), undefined)
  t.deepEqual(snapshots.atHand('key', next.text).value, { a: 2 })
  t.is(snapshots.atHand('key', next.text), undefined)
})

test('what JSON.stringify alone can make a text of is left to it', (t) => {
  const text = '{"a":1,"b":{"c":2}}'
  const changes = {
    'one more member': (value) => ({ ...value, d: 1 }),
    'one less': ({ a }) => ({ a }),
    'another order': ({ a, b }) => ({ b, a }),
    'a member that JSON has not': (value) => ({ ...value, a: undefined }),
    'a toJSON': (value) => ({ ...value, toJSON: () => 1 }),
    'a class': (value) => Object.assign(new (class A {})(), value),
    'an array': () => [1],
    'what cannot be in JSON': (value) => ({ ...value, a: 1n }),
    'a circle': (value) => Object.assign(value, { a: value }),
    'a member that is very deep': (value) => ({ ...value, a: parsed('['.repeat(200) + ']'.repeat(200)) })
  }
  for (const [what, change] of Object.entries(changes)) {
    const snapshot = seen(text)
    t.is(nextOf(snapshot, change(snapshot.value)), undefined, what)
  }
  t.is(nextOf(unseen(text), { a: 2, b: { c: 2 } }), undefined)
})

test('of a text that JSON.stringify would have made otherwise nothing is taken over', (t) => {
  for (const text of ['{"a":1e999,"b":1}', '{"a":{"x":1e999},"b":1}', '{"a":-0,"b":1}', '{"a":1, "b":1}', '{"a":"\\u0041","b":1}']) {
    const { value } = seen(text)
    t.is(nextOf(seen(text), { ...value, b: 2 }), undefined, text)
  }
})

test('a toJSON is called with the name of its member', (t) => {
  const snapshot = seen('{"a":1,"b":2}')
  t.is(nextOf(snapshot, { a: { toJSON: (name) => `${name}!` }, b: 2 }).text, '{"a":"a!","b":2}')
})

test('what is no session, or very deep, is not kept', (t) => {
  const deep = '['.repeat(200) + ']'.repeat(200)
  for (const take of [unseen, seen]) {
    t.is(take('{').value, undefined)
    t.is(take('7').value, undefined)
    t.is(JSON.stringify(take(deep).value), deep)
  }
})

test('64 levels are copied and compared, and of more JSON.stringify decides', (t) => {
  const nested = (levels) => '['.repeat(levels) + ']'.repeat(levels)
  for (const take of [unseen, seen]) {
    t.is(take(nested(64)).compare(parsed(nested(64))), SAME)
    t.is(take(nested(65)).compare(parsed(nested(65))), UNSURE)
    t.notThrows(() => take(nested(100000)))
  }
  const snapshots = new Snapshots()
  const text = snapshots.serialize('key', { a: 1 })
  snapshots.serialize('key', { a: 1 })
  const [deepest, tooDeep] = [63, 64].map((levels) => nextOf(snapshots.take('key', text), { a: parsed(nested(levels)) }))
  t.is(tooDeep, undefined)
  snapshots.put('key', deepest)
  t.is(JSON.stringify(snapshots.parse('key', deepest.text)), deepest.text)
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

test('what is put in the place where its key was found is kept, though the place is given up by then or another key\'s', (t) => {
  const snapshots = new Snapshots()
  const place = snapshots.put('key', new Known('{"n":1}'))
  t.is(snapshots.put('key', new Known('{"n":2}'), place), place)
  t.is(snapshots.get('key', '{"n":2}'), place)
  for (let n = 0; n < 5000; n++) snapshots.put(`k${n}`, new Known('{}'))
  t.is(snapshots.get('key', '{"n":2}'), undefined)
  const next = snapshots.put('key', new Known('{"n":3}'), place)
  t.not(snapshots.get('key', '{"n":3}'), undefined)
  snapshots.put('other', new Known('{"n":4}'), next)
  t.deepEqual(['key', 'other'].map((key) => snapshots.get(key, '{"n":4}') !== undefined), [false, true])
})

test('what is put in a place counts with all its characters', (t) => {
  const snapshots = new Snapshots()
  const long = new Known(`"${'x'.repeat(1.5 * 1024 * 1024)}"`)
  const place = snapshots.put('short', new Known('{}'))
  snapshots.put('a', long)
  snapshots.put('short', long, place)
  snapshots.put('b', long)
  t.deepEqual(['a', 'short', 'b'].map((key) => snapshots.get(key, long.text) !== undefined), [false, true, true])
})

test('own members of the name __proto__ are members like any other', (t) => {
  const text = '{"__proto__":{"a":1},"b":2}'
  const { value } = seen(text)
  t.is(JSON.stringify(value), text)
  t.is(Object.getPrototypeOf(value), Object.prototype)
  t.is(seen(text).compare(value), SAME)
  const snapshots = new Snapshots()
  for (const session of [value, { ...value, b: 3 }, { ...value, b: 4 }, { ...value, b: 5 }]) {
    t.is(snapshots.serialize('key', session), JSON.stringify(session))
    t.is(JSON.stringify(snapshots.parse('key', JSON.stringify(session))), JSON.stringify(session))
  }
})

test('what is stored is the text that JSON.stringify makes, whatever is known of the key', (t) => {
  const session = fc.record({ value: object, put: fc.option(strange, { nil: 'none' }), read: fc.boolean() })
  fc.assert(fc.property(fc.array(session, { maxLength: 8 }), fc.array(fc.nat(7), { maxLength: 12 }), (sessions, order) => {
    const snapshots = new Snapshots()
    for (const at of order) {
      if (at >= sessions.length) continue
      const { value, put, read } = sessions[at]
      const now = put === 'none' ? parsed(JSON.stringify(value)) : { ...value, put }
      const text = JSON.stringify(now)
      t.is(snapshots.serialize('key', now), text)
      if (read) t.is(JSON.stringify(snapshots.parse('key', text)), JSON.stringify(parsed(text)))
    }
  }))
  t.pass()
})

test('a text that JSON.stringify would not have made is not stored again as it was', (t) => {
  const snapshots = new Snapshots()
  const text = '{ "a": 1 }'
  snapshots.parse('key', text)
  t.is(snapshots.serialize('key', snapshots.parse('key', text)), '{"a":1}')
})

test('what is stored later does not change what was stored', (t) => {
  const snapshots = new Snapshots()
  const session = { a: { b: 1 } }
  for (let times = 0; times < 3; times++) snapshots.serialize('key', session)
  session.a.b = 2
  t.is(snapshots.serialize('key', session), '{"a":{"b":2}}')
  t.deepEqual(snapshots.parse('key', '{"a":{"b":2}}'), session)
})

test('undefined is stored as null, as a store in JavaScript would have it', (t) => {
  const snapshots = new Snapshots()
  t.deepEqual([1, 2, 3].map(() => snapshots.serialize('key', undefined)), ['null', 'null', 'null'])
})

test.serial('a member whose name Object.prototype answers to with a setter is kept', (t) => {
  Object.defineProperty(Object.prototype, 'user', { configurable: true, get: () => undefined, set () {} }) // eslint-disable-line no-extend-native
  t.teardown(() => { delete Object.prototype.user })
  const snapshots = new Snapshots()
  for (const n of [1, 1, 1, 2, 2, 3]) {
    const session = parsed(`{"n":${n},"user":{"id":5},"z":${n}}`)
    const text = JSON.stringify(session)
    t.is(snapshots.serialize('key', session), text)
    t.is(JSON.stringify(snapshots.parse('key', text)), text)
  }
})

for (const inherited of [true, { of: 'an object' }]) {
  test(`what Object.prototype was given is no member of a session: ${JSON.stringify(inherited)}`, (t) => {
    const text = JSON.stringify({ n: 1, within: { inherited }, inherited })
    const snapshots = new Snapshots()
    for (const kept of [text, '{"n":1,"within":{}}']) {
      for (let times = 0; times < 2; times++) snapshots.take(kept, kept)
    }
    let told, stored, copied
    Object.prototype.inherited = inherited // eslint-disable-line no-extend-native
    try {
      const [outside, inside] = [0, 1].map(() => snapshots.take(text, text))
      delete outside.value.inherited
      delete inside.value.within.inherited
      told = [outside, inside].map((snapshot) => snapshot.compare(snapshot.value))
      stored = snapshots.serialize(text, outside.value)
      copied = JSON.stringify(snapshots.take('{"n":1,"within":{}}', '{"n":1,"within":{}}').value)
    } finally {
      delete Object.prototype.inherited
    }
    t.false(told.includes(SAME))
    t.is(stored, JSON.stringify({ n: 1, within: { inherited } }))
    t.is(copied, '{"n":1,"within":{}}')
  })
}
