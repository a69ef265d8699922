'use strict'

// Both ways to install, and each option.

const test = require('ava')
const { execFile } = require('node:child_process')
const { promisify } = require('node:util')
const session = require('../..')
const { imsession, MemoryStore, RedisStore, SessionIdResolver, TTL_MS } = require('../../lib/imsession')
const { serveApp } = require('../helpers/serve')
const { DAY, HEX_ID, HOUR, idOf, koas, setUp, start } = require('./setup')

const { kinds, redis, client } = setUp(test)

const login = (ctx) => { ctx.session = { n: 1 } }

test('the main entry and the subpath give the same names; the subpath has koa-imsession\'s MemoryStore', (t) => {
  t.is(require('koa-session-native/imsession'), require('../../lib/imsession'))
  t.is(require('koa-session-native'), session)
  t.is(session.imsession, imsession)
  t.is(session.SessionIdResolver, SessionIdResolver)
  t.is(session.TTL_MS, TTL_MS)
  t.is(session.RedisStore, RedisStore)
  t.is(typeof TTL_MS, 'symbol')
  t.not(session.MemoryStore, MemoryStore)
})

test('ES modules import the names from both', async (t) => {
  const [main, subpath] = await Promise.all([import('koa-session-native'), import('koa-session-native/imsession')])
  t.is(main.default, session)
  t.is(subpath.default, imsession)
  for (const name of Object.keys(session)) t.is(main[name], session[name], name)
  for (const name of ['imsession', 'MemoryStore', 'RedisStore', 'SessionIdResolver', 'TTL_MS']) {
    t.is(subpath[name], require('../../lib/imsession')[name], name)
  }
})

for (const [koa, Koa] of Object.entries(koas)) {
  for (const form of ['options', 'app']) {
    test(`${koa}: installed with ${form === 'app' ? 'app and options' : 'options alone'}, it works`, async (t) => {
      const { user: logIn } = await start(t, { Koa, form, name: 'mine', store: new MemoryStore() }, { login })
      const user = await logIn('/login')
      t.regex(idOf(user, 'mine'), HEX_ID)
      t.is((await user.get()).body, '{"n":1}')
    })

    test(`${koa}: without options (${form}) it works`, async (t) => {
      const app = new Koa()
      const { browser } = await serveApp(t, app, form === 'app' ? imsession(app) : imsession(), (ctx) => {
        ctx.session ??= {}
        ctx.body = JSON.stringify(ctx.session)
      })
      const user = browser()
      await user.get()
      t.regex(idOf(user), HEX_ID)
      t.is((await user.get()).body, '{}')
    })
  }

  test(`${koa}: with app given, ctx.session is null before the middleware has run`, async (t) => {
    const app = new Koa()
    const middleware = imsession(app, {})
    const contextOf = () => app.createContext({ headers: {}, socket: {} }, {})
    const ctx = contextOf()
    t.is(ctx.session, null)
    t.throws(() => { ctx.session = {} }, { message: /before the imsession middleware has run/ })
    t.is(contextOf().session, null)

    const seen = []
    const { browser } = await serveApp(t, app, (ctx, next) => {
      seen.push(ctx.session)
      return next().then(() => { seen.push(ctx.session) })
    }, middleware, (ctx) => { ctx.session ??= { n: 1 } })
    const user = browser()
    await user.get()
    await user.get()
    t.deepEqual(seen, [null, { n: 1 }, null, { n: 1 }], 'and is there after it')
  })

  test(`${koa}: a second install with the app throws a clear error`, (t) => {
    const app = new Koa()
    imsession(app)
    t.throws(() => imsession(app), { message: 'imsession is already installed on this app' })
    t.notThrows(() => imsession(new Koa()))
  })

  for (const [name, second] of [['without the app', () => imsession()], ['of which one has the app', (app) => imsession(app)]]) {
    test(`${koa}: two installs ${name} fail the request with a clear error`, async (t) => {
      const app = new Koa()
      const { browser, errors } = await serveApp(t, app, second(app), imsession(), login)
      t.is((await browser().get()).status, 500)
      t.deepEqual(errors.map(({ message }) => message), ['imsession is already installed on this app'])
    })
  }
}

test('the session of koa-session-minimal and that of koa-imsession may stand in one app', async (t) => {
  const { browser } = await start(t, {
    before: [session(), async (ctx, next) => {
      ctx.session.outer = true
      await next()
      ctx.session.after = true
    }]
  }, { login })
  const user = browser()
  await user.get('/login')
  t.deepEqual([...user.cookies.keys()].sort(), ['connsid', 'koa:sess'])
  t.is((await user.get()).body, '{"n":1}')
})

// The cookie's expiry, and the TTL that the store is given.
const lifetimes = async (t, options) => {
  const store = kinds.JavaScript.make(t)
  const { browser } = await start(t, { store, ...options }, { login })
  const before = Date.now()
  const { setCookie: [line] } = await browser().get('/login')
  const [, expires] = /expires=([^;]+)/.exec(line)
  const [{ ttl }] = store.records.values()
  return { line, ttl, earliest: before - 1000, expires: Date.parse(expires), latest: Date.now() }
}

for (const [name, cookie, maxAge] of [
  ['by default', undefined, DAY],
  ['for 0', { maxAge: 0 }, DAY],
  ['for a negative number', { maxAge: -1 }, DAY],
  ['for null', { maxAge: null }, DAY],
  ['as it is given', { maxAge: 12 * HOUR }, 12 * HOUR],
  ['beside expires', { maxAge: 12 * HOUR, expires: new Date(Date.now() + HOUR) }, 12 * HOUR]
]) {
  test(`maxAge ${name}: ${maxAge} ms in the cookie, 10 s more in the store`, async (t) => {
    const { ttl, earliest, expires, latest } = await lifetimes(t, { cookie })
    t.is(ttl, maxAge + 10000)
    t.true(expires >= earliest + maxAge && expires <= latest + maxAge)
  })
}

test('expires gives a maxAge', async (t) => {
  const date = new Date(Math.floor(Date.now() / 1000) * 1000 + HOUR)
  for (const expires of [date, date.toISOString()]) {
    const { ttl, expires: sent } = await lifetimes(t, { cookie: { expires } })
    t.true(ttl <= HOUR + 10000 && ttl > HOUR / 2)
    t.true(Math.abs(sent - date) <= 2000, 'the cookie ends with it')
  }
})

test('the TTL is that of the cookie of a resolver of your own, where no cookie is given', async (t) => {
  const { ttl } = await lifetimes(t, { idResolver: new SessionIdResolver({ cookie: { maxAge: HOUR } }) })
  t.is(ttl, HOUR + 10000)
})

test('the other cookie options are those of the cookies module', async (t) => {
  const { line } = await lifetimes(t, { cookie: { path: '/a', domain: 'example.org', sameSite: 'lax', httpOnly: false } })
  t.regex(line, /; path=\/a; /)
  t.regex(line, /; domain=example\.org/)
  t.regex(line, /; samesite=lax/)
  t.notRegex(line, /httponly/i)
  const { line: plain } = await lifetimes(t, {})
  t.regex(plain, /^connsid=[0-9a-f]{32}; path=\/; expires=[^;]+; httponly$/)
})

test('a signed cookie is checked', async (t) => {
  const { app, user: logIn, browser } = await start(t, { cookie: { signed: true } }, { login })
  app.keys = ['secret']
  const user = await logIn('/login')
  t.deepEqual([...user.cookies.keys()].sort(), ['connsid', 'connsid.sig'])
  t.is((await user.get()).body, '{"n":1}')
  t.is((await browser().get('/', `connsid=${idOf(user)}`)).body, 'null', 'without its signature it is nobody\'s')
})

test('a cookie that cannot be sent fails the request before anything is stored', async (t) => {
  const store = kinds.JavaScript.make(t)
  const { browser, errors } = await start(t, { store, cookie: { secure: true } }, { login })
  t.is((await browser().get('/login')).status, 500)
  t.deepEqual([errors.length, store.records.size], [1, 0])
})

for (const [name, options] of Object.entries({
  'options that are no object': 'connsid',
  'a name that is none': { name: 'a=b' },
  'a store without destroy': { store: { get () {}, set () {} } },
  'a resolver without generate': { idResolver: { get () {}, set () {} } },
  'a cookie that is a function': { cookie: () => ({}) },
  'a maxAge that is a string': { cookie: { maxAge: '1d' } },
  'a maxAge of Infinity': { cookie: { maxAge: Infinity } },
  'frozen that is a number': { frozen: 1 },
  'a regenerateGraceMs below 0': { regenerateGraceMs: -1 },
  'an unknown conflict mode': { conflict: 'ours' }
})) {
  test(`${name} throws when the middleware is made`, (t) => {
    t.throws(() => imsession(options), { instanceOf: TypeError, code: 'ERR_SESSION_OPTION' })
  })
}

test('on Redis the key is the id alone, by default, and lives maxAge and 10 s', async (t) => {
  const store = new RedisStore({ url: redis().url })
  t.teardown(() => store.close())
  const { user: logIn } = await start(t, { store, cookie: { maxAge: HOUR } }, { login })
  const user = await logIn('/login')
  const id = idOf(user)
  t.is(await client().get(id), '{"n":1}', 'the record is the JSON and nothing else')
  const left = await client().pttl(id)
  t.true(left > HOUR && left <= HOUR + 10000)
})

// Not so yet: lib/imsession.js cannot see that a store is on a cluster.
test('a prefix with a { is refused in a cluster, where an old id and its pointer share a slot', (t) => {
  const on = (prefix) => imsession({ store: new RedisStore({ cluster: ['redis://127.0.0.1:1'], prefix }) })
  t.notThrows(() => on('ab:'))
  for (const prefix of ['{ab}:', 'a}']) t.throws(() => on(prefix), { code: 'ERR_SESSION_OPTION', message: /prefix/ })
})

test('the MemoryStore of the subpath answers with promises, and refuses what is no object', async (t) => {
  const store = new MemoryStore()
  const answers = [store.set('a', { n: 1 }, 1000), store.get('a'), store.destroy('a'), store.get('a')]
  for (const answer of answers) t.true(answer instanceof Promise)
  t.deepEqual(await Promise.all(answers), [undefined, { n: 1 }, undefined, undefined])
  for (const data of [undefined, null, 1, 'text', true, () => {}]) {
    await t.throwsAsync(store.set('a', data, 1000), { message: /session data must be an object/ })
  }
  t.is(await store.get('a'), undefined)
  await store.set('a', [], 1000)
  t.deepEqual(await store.get('a'), [])
})

for (const [env, stores, expected] of [['production', 2, 1], ['development', 1, 1], ['', 2, 1], ['test', 2, 0]]) {
  test(`the memory store warns ${expected ? 'once' : 'never'} with NODE_ENV=${env}`, async (t) => {
    const source = `
      process.on('warning', ({ name, message }) => console.log(name, message))
      const { imsession } = require(${JSON.stringify(require.resolve('../../lib/imsession'))})
      for (let n = 0; n < ${stores}; n++) imsession()
    `
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', source], { env: { ...process.env, NODE_ENV: env } })
    t.is(stdout.split('\n').filter((line) => /^SessionWarning .*one process/.test(line)).length, expected)
  })
}
