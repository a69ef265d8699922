'use strict'

// When handlers throw, when stores fail, and when it is too late.

const test = require('ava')
const { RedisStore } = require('../../lib/imsession')
const { startRedis } = require('../helpers/redis-server')
const { gate } = require('../helpers/serve')
const { HEX_ID, idOf, koas, setUp, start } = require('./setup')

const { kinds, client } = setUp(test)

const login = (ctx) => { ctx.session = { user: ctx.get('user') || ctx.query.user || 'ada', n: 1 } }

for (const [koa, Koa] of Object.entries(koas)) {
  for (const kind of Object.values(kinds)) {
    const where = `${kind.name}, ${koa}`

    test(`${where}: what a handler has assigned is saved although it throws, and the cookie survives Koa's error handler`, async (t) => {
      const failure = new Error('handler')
      const throwing = (assign) => (ctx) => {
        assign(ctx)
        ctx.set('x-other', 'gone')
        throw failure
      }
      const { browser, errors } = await start(t, { Koa, store: kind.make(t) }, {
        login: throwing(login),
        update: throwing((ctx) => { ctx.session = { ...ctx.session, n: 2 } }),
        renew: throwing((ctx) => { ctx.session = true }),
        nothing: throwing(() => {}),
        logout: throwing((ctx) => { ctx.session = null })
      })
      const user = browser()
      const answer = await user.get('/login')
      t.deepEqual([answer.status, answer.setCookie.length, answer.headers.get('x-other')], [500, 1, null])
      t.regex(idOf(user), HEX_ID)
      t.is((await user.get()).body, '{"user":"ada","n":1}')
      t.is((await user.get('/update')).setCookie.length, 1)
      t.is((await user.get()).body, '{"user":"ada","n":2}')
      const { cookie } = user
      t.is((await user.get('/renew')).setCookie.length, 1)
      t.not(user.cookie, cookie)
      t.is((await user.get()).body, '{"user":"ada","n":2}')
      t.deepEqual((await user.get('/nothing')).setCookie, [])
      t.is((await user.get('/logout')).setCookie.length, 1)
      t.is(user.cookie, '')
      t.deepEqual(errors, Array(5).fill(failure), 'the handler\'s error is the one that is told')
    })

    test(`${where}: one Error thrown for two users does not carry one's cookie to the other`, async (t) => {
      const failure = new Error('the same for all')
      const [ada, bob] = [gate(), gate()]
      const { browser } = await start(t, { Koa, store: kind.make(t) }, {
        ada: async (ctx) => {
          ctx.session = { user: 'ada' }
          ada.open()
          await bob.passed
          throw failure
        },
        bob: async (ctx) => {
          await ada.passed
          ctx.session = { user: 'bob' }
          bob.open()
          throw failure
        },
        visitor: () => { throw failure }
      })
      const [a, b] = [browser(), browser()]
      const answers = await Promise.all([a.get('/ada'), b.get('/bob')])
      t.deepEqual(answers.map(({ status, setCookie }) => [status, setCookie.length]), [[500, 1], [500, 1]])
      t.not(a.cookie, b.cookie)
      t.is((await a.get()).body, '{"user":"ada"}')
      t.is((await b.get()).body, '{"user":"bob"}')
      t.deepEqual((await browser().get('/visitor')).setCookie, [], 'nor to somebody without a session')
      t.deepEqual(Object.keys(failure), ['status'], 'nothing but what Koa itself puts on it')
    })
  }

  for (const [what, thrown, status] of [
    ['a string', 'a string', 500],
    ['a number', 7, 500],
    ['an error with headers of its own', Object.assign(new Error('busy'), { status: 503, headers: { 'retry-after': '7' } }), 503],
    ['an error with a cookie of its own', Object.assign(new Error('no'), { status: 403, headers: { 'set-cookie': 'mine=1' } }), 403]
  ]) {
    test(`${koa}: ${what} is thrown: saved, and the cookie sent`, async (t) => {
      const before = { ...thrown.headers }
      const { browser } = await start(t, { Koa, store: kinds.memory.make(t) }, {
        login: (ctx) => {
          login(ctx)
          throw thrown
        }
      })
      const user = browser()
      const answer = await user.get('/login')
      t.is(answer.status, status)
      t.regex(idOf(user), HEX_ID)
      t.is(answer.setCookie.length, before['set-cookie'] ? 2 : 1)
      if (before['retry-after']) t.is(answer.headers.get('retry-after'), '7')
      t.deepEqual({ ...thrown.headers }, before)
      t.is((await user.get()).body, '{"user":"ada","n":1}')
    })
  }

  test(`${koa}: a middleware outside that catches the error sends the cookie, once`, async (t) => {
    const { browser, errors } = await start(t, {
      Koa,
      store: kinds.memory.make(t),
      before: [async (ctx, next) => {
        try {
          await next()
        } catch (error) {
          ctx.cookies.set('theme', 'dark')
          ctx.body = error.message
        }
      }]
    }, {
      login: (ctx) => {
        login(ctx)
        throw new Error('caught')
      }
    })
    const user = browser()
    const { body, setCookie } = await user.get('/login')
    t.deepEqual([body, errors.length], ['caught', 0])
    t.deepEqual(setCookie.map((line) => line.split('=')[0]).sort(), ['connsid', 'theme'])
    t.is((await user.get()).body, '{"user":"ada","n":1}')
  })

  test(`${koa}: when handler and store both fail, the handler's error answers and the store's is told`, async (t) => {
    const store = { get () {}, set: async () => { throw new Error('store') }, destroy () {} }
    const { browser, errors } = await start(t, { Koa, store }, {
      login: (ctx) => {
        login(ctx)
        ctx.throw(418, 'handler')
      }
    })
    const { status, setCookie } = await browser().get('/login')
    t.deepEqual([status, setCookie], [418, []])
    t.true(errors.some(({ message }) => message === 'store'))
  })

  test(`${koa}: a JavaScript store that fails fails the request, and no cookie is sent`, async (t) => {
    const store = kinds.JavaScript.make(t)
    const { user: logIn, browser, errors } = await start(t, { Koa, store }, {
      login,
      update: (ctx) => { ctx.session = { ...ctx.session } },
      logout: (ctx) => { ctx.session = null }
    })
    const user = await logIn('/login')
    const { get, set, destroy } = store
    const fails = (name) => async () => { throw new Error(name) }
    Object.assign(store, { set: fails('set'), destroy: fails('destroy') })
    for (const [path, expected] of [['/login', 'set'], ['/update', 'set'], ['/logout', 'destroy']]) {
      const { status, setCookie } = await (path === '/login' ? browser() : user).get(path)
      t.deepEqual([status, setCookie, errors.pop().message], [500, [], expected])
    }
    store.get = fails('get')
    t.is((await user.get()).status, 500)
    t.is(errors.pop().message, 'get')
    t.is((await browser().get()).status, 200, 'who has no session needs no store')
    Object.assign(store, { get, set, destroy })
    t.is((await user.get()).body, '{"user":"ada","n":1}', 'the session is as it was')
  })

  test(`${koa}: when only the removal of the old id fails, the new one is sent and the error told`, async (t) => {
    const store = { ...kinds.JavaScript.make(t), destroy: async () => { throw new Error('destroy') } }
    const { user: logIn, errors } = await start(t, { Koa, store }, { login, renew: (ctx) => { ctx.session = true } })
    const user = await logIn('/login')
    const { cookie } = user
    t.is((await user.get('/renew')).status, 200)
    t.not(user.cookie, cookie)
    t.is((await user.get()).body, '{"user":"ada","n":1}')
    t.deepEqual(errors.map(({ message }) => message), ['destroy'])
  })

  test(`${koa}: with Redis down a request answers 503, and is served again when it is back`, async (t) => {
    const redis = await startRedis()
    t.teardown(() => redis.stop())
    const store = new RedisStore({ url: redis.url })
    t.teardown(() => store.close())
    const { user: logIn, browser, errors } = await start(t, { Koa, store }, { login })
    const user = await logIn('/login')
    await redis.kill()
    const read = await user.get()
    const write = await browser().get('/login')
    for (const { status, setCookie, headers, body } of [read, write]) {
      t.deepEqual([status, setCookie, headers.get('retry-after'), body], [503, [], '1', 'Service Unavailable'])
    }
    t.deepEqual(errors.map(({ code }) => code), ['ERR_SESSION_STORE', 'ERR_SESSION_STORE'])
    t.is((await browser().get()).status, 200, 'who has no session needs no Redis')

    const back = new Promise((resolve) => store.once('connect', resolve))
    await redis.restart()
    await back
    t.is((await browser().get('/login')).status, 200)
  })
}

for (const kind of Object.values(kinds)) {
  test(`${kind.name}: what JSON cannot hold fails the request, and reaches no store`, async (t) => {
    const store = kind.make(t)
    const { browser, user: logIn, errors } = await start(t, { store }, {
      login,
      big: (ctx) => {
        ctx.session = { a: { b: 1n } }
        ctx.body = 'not shown'
      },
      bare: (ctx) => {
        ctx.session = { toJSON: () => 'text' }
        ctx.body = 'not shown'
      }
    })
    for (const path of ['/big', '/bare']) {
      const { status, setCookie } = await browser().get(path)
      t.deepEqual([status, setCookie, errors.pop().code], [500, [], 'ERR_SESSION_SERIALIZE'])
    }
    if (kind.ids) t.deepEqual(await kind.ids(store), [])
    const user = await logIn('/login')
    t.is((await user.get('/big')).status, 500)
    t.regex(errors.pop().message, /session\.a\.b/)
    t.is((await user.get()).body, '{"user":"ada","n":1}')
  })

  test(`${kind.name}: once the headers are sent a session is saved or destroyed, but none is made`, async (t) => {
    const store = kind.make(t)
    const flushed = (change) => (ctx) => {
      ctx.body = 'streamed'
      ctx.flushHeaders()
      change(ctx)
    }
    const { browser, user: logIn, events, errors } = await start(t, { store }, {
      login,
      late: flushed(login),
      update: flushed((ctx) => { ctx.session = { ...ctx.session, n: 2 } }),
      renew: flushed((ctx) => { ctx.session = true }),
      logout: flushed((ctx) => { ctx.session = null })
    })
    t.deepEqual((await browser().get('/late')).setCookie, [])
    t.deepEqual(events.splice(0), ['session:unsent'])
    if (kind.ids) t.deepEqual(await kind.ids(store), [])

    const user = await logIn('/login')
    const { cookie } = user
    t.deepEqual((await user.get('/update')).setCookie, [])
    t.is((await user.get()).body, '{"user":"ada","n":2}')
    t.deepEqual((await user.get('/renew')).setCookie, [])
    t.deepEqual(events.splice(0), ['session:unsent'])
    t.is((await user.get()).body, '{"user":"ada","n":2}', 'under the id that the client has')
    t.deepEqual((await user.get('/logout')).setCookie, [])
    t.is((await user.get('/', cookie)).body, 'null')
    t.deepEqual([events, errors], [[], []])
  })
}

for (const junk of ['null', '7', '"text"', '{"broken":', '']) {
  for (const name of ['Redis', ...['null', '7', '"text"'].includes(junk) ? ['memory'] : []]) {
    test(`${name}: ${junk || 'an empty text'} in the store is no session (session:invalid)`, async (t) => {
      const kind = kinds[name]
      const store = kind.make(t)
      const { browser, events } = await start(t, { store }, {
        renew: (ctx) => {
          ctx.session = true
          ctx.body = 'not read'
        }
      })
      const id = 'a'.repeat(32)
      if (name === 'Redis') await kind.put(store, id, junk)
      else require('../../lib/stores').MemoryStore.prototype.set.call(store, id, JSON.parse(junk), 1000000)
      const read = await browser().get('/', `connsid=${id}`)
      t.deepEqual([read.status, read.body, read.setCookie], [200, 'null', []])
      t.deepEqual(events.splice(0), ['session:invalid'])
      t.deepEqual((await browser().get('/renew', `connsid=${id}`)).setCookie, [], 'there is nothing to renew')
    })
  }
}

// Keys have no prefix here: what another application keeps under such a key is neither its session nor its user's.
for (const [what, put] of Object.entries({
  text: (key) => client().set(key, 'hello', 'PX', 60000),
  list: (key) => client().rpush(key, 'hello')
})) {
  test(`Redis: an application's own ${what} under an id is left alone, read or not`, async (t) => {
    const store = kinds.Redis.make(t)
    const { browser } = await start(t, { store }, {
      ignore: (ctx) => { ctx.body = 'not read' },
      login: (ctx) => {
        ctx.session = { user: 'ada' }
        ctx.body = 'not read'
      },
      logout: (ctx) => {
        ctx.session = null
        ctx.body = 'not read'
      }
    })
    const id = (what === 'text' ? 'b' : 'c').repeat(32)
    await put(id)
    for (const path of ['/ignore', '/logout', '/login']) {
      const { status, setCookie } = await browser().get(path, `connsid=${id}`)
      t.deepEqual([status, setCookie.length], [200, path === '/login' ? 1 : 0], path)
      t.false(String(setCookie).includes(id))
    }
    t.is(await client().type(id), what === 'text' ? 'string' : 'list')
  })
}
