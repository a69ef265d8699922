'use strict'

const test = require('ava')
const { setTimeout: delay } = require('node:timers/promises')
const { MemoryStore } = require('..')

test('get, set and destroy are synchronous, as in koa-session-minimal', (t) => {
  const store = new MemoryStore()
  t.is(store.get('a'), undefined)
  t.is(store.set('a', { n: 1 }, 1000), undefined)
  t.deepEqual(store.get('a'), { n: 1 })
  store.set('a', { n: 2, text: 'é😀\0' }, 1000)
  t.deepEqual(store.get('a'), { n: 2, text: 'é😀\0' })
  t.is(store.destroy('a'), undefined)
  t.is(store.get('a'), undefined)
  t.notThrows(() => store.destroy('a'))
})

test('it holds JSON, not the live object', (t) => {
  const store = new MemoryStore()
  const session = { list: [1], date: new Date(0), not: undefined }
  store.set('a', session, 1000)
  session.list.push(2)
  t.deepEqual(store.get('a'), { list: [1], date: '1970-01-01T00:00:00.000Z' })
  t.not(store.get('a'), store.get('a'))
})

test('a record is unseen once its time is over', async (t) => {
  const store = new MemoryStore()
  store.set('short', {}, 20)
  store.set('long', {}, 60000)
  t.deepEqual(store.get('short'), {})
  await delay(25)
  t.is(store.get('short'), undefined)
  t.deepEqual(store.get('long'), {})
})

for (const ttl of [30 * 24 * 3600 * 1000, 2 ** 40, 0.5e12 + 0.5, 'session', undefined, NaN, Infinity, -1, 0]) {
  test(`a ttl of ${ttl} keeps the record`, async (t) => {
    const store = new MemoryStore()
    store.set('a', { n: 1 }, ttl)
    await delay(60) // timers with 32 bits fire within that time
    t.deepEqual(store.get('a'), { n: 1 })
  })
}

test('past maxBytes the least recently used goes, and a warning says so once', async (t) => {
  const warnings = []
  const listen = (warning) => warnings.push(warning.message)
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  const store = new MemoryStore({ maxBytes: 1000 })
  for (let n = 0; n < 100; n++) {
    store.set(`k${n}`, { n }, 1000)
    store.get('k0')
  }
  await new Promise(setImmediate)
  t.deepEqual(store.get('k0'), { n: 0 })
  t.deepEqual(store.get('k99'), { n: 99 })
  t.is(store.get('k1'), undefined)
  t.is(warnings.filter((message) => message.includes('maxBytes')).length, 1)
})

test('stores of one name are one store, with one bound', (t) => {
  const [one, same, other] = ['sessions', 'sessions', 'others'].map((name) => new MemoryStore({ name }))
  one.set('a', { n: 1 }, 1000)
  t.deepEqual(same.get('a'), { n: 1 })
  t.is(other.get('a'), undefined)
  t.is(new MemoryStore().get('a'), undefined)
  same.destroy('a')
  t.is(one.get('a'), undefined)

  t.notThrows(() => new MemoryStore({ name: 'bounded', maxBytes: 1000 }))
  t.throws(() => new MemoryStore({ name: 'bounded', maxBytes: 2000 }), {
    instanceOf: TypeError, code: 'ERR_SESSION_OPTION', message: /maxBytes: 1000, which the store of this name has/
  })
  t.throws(() => new MemoryStore({ name: 'bounded' }).set('a', 'x'.repeat(1000), 1000), { code: 'ERR_SESSION_STORE' })
  for (const name of ['', 7]) t.throws(() => new MemoryStore({ name }), { code: 'ERR_SESSION_OPTION', message: /name/ })
})

test('a session larger than maxBytes is refused, and the record that was there stays', (t) => {
  const store = new MemoryStore({ maxBytes: 1000 })
  store.set('a', { n: 1 }, 1000)
  t.throws(() => store.set('a', { text: 'x'.repeat(1000) }, 1000), { code: 'ERR_SESSION_STORE', message: /maxBytes \(1000\)/ })
  t.deepEqual(store.get('a'), { n: 1 })
})

test('what JSON cannot hold is refused with its path', (t) => {
  t.throws(() => new MemoryStore().set('a', { user: { id: 1n } }), { code: 'ERR_SESSION_SERIALIZE', message: /^session\.user\.id / })
})

test('options that could never work throw', (t) => {
  for (const maxBytes of [0, -1, NaN, Infinity, '1']) {
    t.throws(() => new MemoryStore({ maxBytes }), { instanceOf: TypeError, code: 'ERR_SESSION_OPTION', message: /maxBytes/ })
  }
  t.throws(() => new MemoryStore().get(7), { code: 'ERR_SESSION_OPTION', message: /option store key: a string expected, got 7/ })
})
