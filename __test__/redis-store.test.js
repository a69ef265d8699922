'use strict'

const test = require('ava')
const net = require('node:net')
const { once } = require('node:events')
const { inspect } = require('node:util')
const genericSession = require('koa-generic-session')
const koaSession = require('koa-session').default ?? require('koa-session')
const minimalSession = require('koa-session-minimal')
const session = require('..')
const { startRedis } = require('./helpers/redis-server')
const { serve } = require('./helpers/serve')

const { RedisStore } = session
let redis
let client

test.before(async () => {
  redis = await startRedis()
  client = redis.client()
})
test.after.always(() => redis?.stop())

const open = (t, options) => {
  const store = new RedisStore({ url: redis.url, ...options })
  t.teardown(() => store.close())
  return store
}

test('get, set and destroy return promises', async (t) => {
  const store = open(t)
  t.is(await store.get('api'), undefined)
  t.is(await store.set('api', { text: 'é😀\0', n: [1] }, 1000), undefined)
  t.deepEqual(await store.get('api'), { text: 'é😀\0', n: [1] })
  t.is(await store.destroy('api'), undefined)
  t.is(await store.get('api'), undefined)
})

test('a record is the JSON under prefix and key, its ttl in milliseconds', async (t) => {
  const store = open(t, { prefix: 'app:' })
  await store.set('record', { a: 1, b: 'é' }, 12345.6)
  t.is(await client.get('app:record'), '{"a":1,"b":"é"}')
  const ttl = await client.pttl('app:record')
  t.true(ttl > 2345 && ttl <= 12346, String(ttl))
})

for (const ttl of ['session', undefined, 0, -1, NaN, Infinity]) {
  test(`a ttl of ${ttl} means one day`, async (t) => {
    await open(t).set(`day ${ttl}`, {}, ttl)
    const left = await client.pttl(`day ${ttl}`)
    t.true(left > 86300000 && left <= 86400000, String(left))
  })
}

test('a thousand commands at once are each answered with their own', async (t) => {
  const store = open(t)
  const numbers = Array.from({ length: 1000 }, (_, n) => n)
  await Promise.all(numbers.map((n) => store.set(`many ${n}`, { n }, 60000)))
  t.deepEqual(await Promise.all(numbers.map((n) => store.get(`many ${n}`))), numbers.map((n) => ({ n })))
})

test.serial('who mocks the timers does not stop the store', async (t) => {
  const store = open(t)
  const { setImmediate, queueMicrotask } = global
  Object.assign(global, { setImmediate: () => {}, queueMicrotask: () => {} })
  try {
    t.deepEqual(await Promise.all(Array.from({ length: 20 }, () => store.get('mocked'))), Array(20).fill(undefined))
  } finally {
    Object.assign(global, { setImmediate, queueMicrotask })
  }
})

test.serial('of many sessions that come together the first few are handed out before the others are made', async (t) => {
  const store = open(t)
  const keys = Array.from({ length: 64 }, (_, n) => `made ${n}`)
  await Promise.all(keys.map((key, n) => client.set(key, `{"made":${n}}`)))
  const { parse } = JSON
  let made = 0
  let mostMade = 0
  JSON.parse = (text) => {
    if (text.startsWith('{"made"')) made++
    return parse(text)
  }
  try {
    const answers = Promise.all(keys.map(async (key) => {
      const session = await store.get(key)
      mostMade = Math.max(mostMade, made)
      made = 0
      return session
    }))
    await null // what is submitted is on its way
    const end = performance.now() + 200
    while (performance.now() < end); // and answered: more than eight of it at least, or this shows nothing
    t.deepEqual(await answers, keys.map((_, n) => ({ made: n })))
  } finally {
    JSON.parse = parse
  }
  t.true(mostMade > 0 && mostMade <= 8, `${mostMade} at once`)
})

// Asks for the next before it works on one, which takes longer than the answer.
for (const [inFlight, work, most] of [[256, 0.03, 1000], [1, 1, 30]]) {
  test.serial(`who keeps ${inFlight} in flight leaves the event loop to others`, async (t) => {
    const store = open(t)
    await store.set('busy', { n: 1 }, 60000)
    const last = 240 / work
    let done = 0
    let doneBefore = 0
    let mostInATurn = 0
    const count = () => {
      mostInATurn = Math.max(mostInATurn, done - doneBefore)
      doneBefore = done
    }
    const turn = () => {
      count()
      if (done < last) setImmediate(turn)
    }
    setImmediate(turn)
    await Promise.all(Array.from({ length: inFlight }, async () => {
      let next = store.get('busy')
      while (done < last) {
        await next
        next = store.get('busy')
        await null
        done++
        for (const end = performance.now() + work; performance.now() < end;);
      }
      await next
    }))
    count()
    t.true(mostInATurn < most, `${mostInATurn} answers before others had a turn`) // in 4 ms there is time for 133 and 4
  })
}

test('past maxPending a command is refused', async (t) => {
  const store = open(t, { maxPending: 3 })
  const answers = await Promise.allSettled(Array.from({ length: 5 }, () => store.get('pending')))
  t.deepEqual(answers.map(({ status }) => status), ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'])
  t.like(answers[4].reason, { code: 'ERR_SESSION_STORE', status: 503, message: 'the session store has 3 commands pending (maxPending)' })
  t.is(await store.get('pending'), undefined)
})

test('a server that is not there is an error within the timeout', async (t) => {
  const listener = net.createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address()
  listener.close()
  const store = new RedisStore({ url: `redis://:secret@127.0.0.1:${port}` })
  const error = await t.throwsAsync(store.get('a'), { code: 'ERR_SESSION_STORE' })
  t.is(error.status, 503)
  t.false(inspect(error).includes('secret'))
  await store.close()
})

test('a server that accepts and never answers is an error within the timeout', async (t) => {
  const listener = net.createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => listener.close())
  const store = new RedisStore({ url: `redis://127.0.0.1:${listener.address().port}`, connectTimeoutMs: 100 })
  await t.throwsAsync(store.get('a'), { code: 'ERR_SESSION_STORE', message: /did not answer within 100 ms/ })
  await store.close()
})

test('what cannot be asked for is a rejection, and nothing is thrown at the call', async (t) => {
  const store = open(t)
  const asks = {
    get: () => store.get(1),
    'set with no key': () => store.set(undefined, {}),
    'set with no session': () => store.set('a', 'text'),
    'set with what JSON cannot hold': () => store.set('a', { n: 1n }),
    destroy: () => store.destroy(null),
    'get of no store': () => RedisStore.prototype.get('a')
  }
  for (const [what, ask] of Object.entries(asks)) await t.throwsAsync(ask, { any: true }, what)
})

test('a closed store refuses, and closing twice is no fault', async (t) => {
  const store = open(t)
  await store.set('closed', {}, 1000)
  await store.close()
  await store.close()
  await t.throwsAsync(store.get('closed'), { code: 'ERR_SESSION_STORE', message: /closed/ })
})

test('what is asked before close() is answered', async (t) => {
  const store = open(t)
  const answers = [store.set('last', { n: 1 }, 60000), store.get('last'), store.close()]
  t.deepEqual(await Promise.all(answers), [undefined, { n: 1 }, undefined])
})

test('bad options throw at once, and never show the password', (t) => {
  for (const options of [{ url: 7 }, { url: 'http://:secret@host' }, { url: 'redis://:secret@host:port' }, { prefix: 1 }, { commandTimeoutMs: 0 }, { connectTimeoutMs: '1' }, { maxPending: NaN }]) {
    const error = t.throws(() => new RedisStore(options), { instanceOf: TypeError, code: 'ERR_SESSION_OPTION', message: new RegExp(Object.keys(options)[0]) })
    t.false(inspect(error).includes('secret'))
  }
  t.false(inspect(open(t, { url: redis.url.replace('//', '//:secret@') }), { depth: 9, showHidden: true }).includes('secret'))
})

const counter = async (ctx) => {
  ctx.session.count = (ctx.session.count ?? 0) + 1
  ctx.body = String(ctx.session.count)
}

const countsThrice = async (t, middleware, prepare = () => {}) => {
  const { app, browser, errors } = await serve(t)
  prepare(app)
  app.use(middleware(app)).use(counter)
  const user = browser()
  for (const count of ['1', '2', '3']) t.is((await user.get()).body, count)
  t.deepEqual(errors, [])
}

test('it is a store for koa-session-minimal', (t) => countsThrice(t, () => minimalSession({ key: 'minimal', store: open(t) })))

test('it is a store for koa-generic-session', (t) => countsThrice(t, () => genericSession({ key: 'generic', store: open(t) }), (app) => { app.keys = ['k'] }))

test('it is a store for koa-session', (t) => countsThrice(t, (app) => koaSession({ key: 'koa-session', signed: false, maxAge: 'session', store: open(t) }, app)))

test('a subclass that overrides get, set or destroy is a JavaScript store', async (t) => {
  const calls = []
  class Logged extends RedisStore {
    get (key) {
      calls.push('get')
      return super.get(key)
    }
  }
  const store = new Logged({ url: redis.url })
  t.teardown(() => store.close())
  await countsThrice(t, () => session({ key: 'logged', store }))
  t.deepEqual(calls, ['get', 'get'])
})

test('so is a store whose own get was replaced', async (t) => {
  const store = open(t)
  let called = 0
  const get = store.get.bind(store)
  store.get = (key) => {
    called++
    return get(key)
  }
  await countsThrice(t, () => session({ key: 'replaced', store }))
  t.is(called, 2)
})
