'use strict'

const test = require('ava')
const { inspect } = require('node:util')
const session = require('..')
const { serve } = require('./helpers/serve')

const store = { get () {}, set () {}, destroy () {} }

const refused = {
  'options that are no object': 'koa:sess',
  'a key that is no string': { key: 7 },
  'a key that is no cookie name': { key: 'a=b' },
  'a key with a control character': { key: 'a\n' },
  'a store without get': { store: { ...store, get: undefined } },
  'a store without set': { store: { get: store.get, destroy: store.destroy } },
  'a store that is no object': { store: 'redis' },
  'a cookie that is a string': { cookie: 'path=/' },
  'a maxAge of Infinity': { cookie: { maxAge: Infinity } },
  'a maxAge that is a string': { cookie: { maxAge: '1000' } },
  'a maxAge that is true': { cookie: { maxAge: true } },
  'a maxAge past the last date': { cookie: { maxAge: 1e300 } },
  'an unknown conflict mode': { conflict: 'fail' },
  'a storeTimeoutMs that is a string': { storeTimeoutMs: '1' }
}
for (const [name, options] of Object.entries(refused)) {
  test(`${name} throws when the middleware is made`, (t) => {
    t.throws(() => session(options), { instanceOf: TypeError, code: 'ERR_SESSION_OPTION', message: /^option \w+/ })
  })
}

const accepted = [
  undefined, null, false, 0, '', {}, { key: '' }, { key: 'a.b' }, { store: null }, { cookie: null }, { cookie: 0 },
  { cookie: { maxAge: NaN } }, { cookie: { maxAge: -1 } }, { cookie: { maxAge: null } }, { cookie: () => ({ maxAge: Infinity }) },
  { conflict: 'overwrite' }, { conflict: null }, { store }
]
for (const options of accepted) {
  test(`${inspect(options)} is accepted`, (t) => {
    t.is(typeof session(options), 'function')
  })
}

test('an unknown option warns once with the nearest name, and changes nothing', async (t) => {
  const warnings = []
  const listen = ({ message }) => warnings.push(message)
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  session({ stroe: 1, rolling: true })
  session({ stroe: 2 })
  await new Promise(setImmediate)
  t.deepEqual(warnings.filter((message) => message.includes('"stroe"')).map((message) => /"store"/.test(message)), [true])
  t.is(warnings.filter((message) => message.includes('"rolling"')).length, 1)
})

for (const returned of [{ maxAge: Infinity }, { maxAge: '1' }, 'path=/']) {
  test(`a cookie function that returns ${JSON.stringify(returned)} fails the save before anything is written`, async (t) => {
    const calls = []
    const spy = { get () {}, set: () => calls.push('set'), destroy: () => calls.push('destroy') }
    const { browser, errors } = await serve(t, session({ store: spy, cookie: () => returned }), (ctx) => { ctx.session.a = 1 })
    const { status, setCookie } = await browser().get()
    t.is(status, 500)
    t.deepEqual([setCookie, calls, errors.map(({ code }) => code)], [[], [], ['ERR_SESSION_OPTION']])
  })
}
