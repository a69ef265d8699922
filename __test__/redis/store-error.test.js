'use strict'

const test = require('ava')
const session = require('../..')
const { servers, startRedis } = require('../helpers/redis-server')
const { Browser, serve } = require('../helpers/serve')
const { until } = require('../helpers/until')

const { RedisStore } = session
const KEY = 'sid'

for (const { name, program } of servers) {
  let redis
  let client

  test.before(async () => {
    redis = await startRedis({ program })
    client = redis.client()
    // Who may not read, and who may not write: a load, a commit that fails while the other would not.
    await client.acl('SETUSER', 'blind', 'on', 'nopass', '~*', '+@all', '-get', '-mget')
    await client.acl('SETUSER', 'mute', 'on', 'nopass', '~*', '+@read', '+@connection', '+info')
  })
  test.after.always(() => redis?.stop())

  const open = (t, user = 'default') => {
    const store = new RedisStore({ url: redis.url.replace('//', user === 'default' ? '//' : `//${user}:any@`) })
    t.teardown(() => store.close())
    return store
  }

  // An app with one session for all that its `onStoreError` does; each test has keys of its own.
  const app = async (t, { user, onStoreError, store = open(t, user), ...options }, handler) => {
    const calls = []
    const listen = onStoreError && ((...args) => {
      calls.push(args)
      return onStoreError(...args)
    })
    const key = `${KEY}-${t.title.replace(/\W+/g, '-')}`
    const served = await serve(t, session({ key, store, onStoreError: listen, ...options }), handler)
    const records = async () => (await client.keys(`${key}:*`)).sort()
    return { ...served, key, calls, records }
  }

  const logIn = (ctx) => {
    ctx.session.user = 'ann'
    ctx.body = 'in'
  }
  const who = (ctx) => {
    ctx.body = JSON.stringify(ctx.session)
  }
  const routes = (ctx) => ctx.path === '/login' ? logIn(ctx) : who(ctx)

  // Somebody who is logged in, through a store that may do all; their record is there.
  const loggedIn = async (t, { key }) => {
    const full = await serve(t, session({ key, store: open(t) }), routes)
    const ann = full.browser()
    await ann.get('/login')
    return ann
  }

  const visit = async (from, url, path = '/') => {
    const browser = new Browser(url)
    browser.cookies = new Map(from.cookies)
    return { browser, ...await browser.get(path) }
  }

  test(`${name}: a load that fails is told, and fails the request when nothing is returned`, async (t) => {
    const { key, url, calls, errors } = await app(t, { user: 'blind', onStoreError () {} }, who)
    const { status, headers, setCookie } = await visit(await loggedIn(t, { key }), url)
    t.deepEqual([status, headers.get('retry-after'), setCookie], [503, '1', []])
    t.is(calls.length, 1)
    const [error, operation, ctx] = calls[0]
    t.like(error, { code: 'ERR_SESSION_STORE', status: 503 })
    t.is(operation, 'load')
    t.is(ctx.path, '/')
    t.deepEqual(errors, [error], 'the app is told once')
  })

  test(`${name}: 'anonymous' goes on with an empty session that is not saved`, async (t) => {
    const { key, url, calls, errors, records } = await app(t, { user: 'blind', onStoreError: () => 'anonymous' }, (ctx) => {
      const before = JSON.stringify(ctx.session)
      ctx.session.user = 'eve'
      ctx.body = before
    })
    const ann = await loggedIn(t, { key })
    const before = await records()
    const { status, body, setCookie, browser } = await visit(ann, url)
    t.deepEqual([status, body, setCookie], [200, '{}', []])
    t.deepEqual(calls.map(([, operation]) => operation), ['load'])
    t.deepEqual(errors, [])
    t.deepEqual(await records(), before, 'no record is written')
    t.is(await client.get(`${key}:${ann.cookies.get(key)}`), '{"user":"ann"}')
    t.is(browser.cookie, ann.cookie)
  })

  const attempts = {
    'assigned to': (ctx) => { ctx.session = { user: 'eve' } },
    'set to null': (ctx) => { ctx.session = null },
    deleted: (ctx) => { delete ctx.session },
    regenerated: (ctx) => {
      ctx.session.user = 'eve'
      ctx.sessionHandler.regenerateId()
    },
    saved: async (ctx) => {
      ctx.session.user = 'eve'
      await ctx.sessionHandler.save()
    }
  }
  for (const [what, attempt] of Object.entries(attempts)) {
    test(`${name}: an anonymous session that is ${what} writes nothing and sends no cookie`, async (t) => {
      const { key, url, errors, records } = await app(t, { user: 'blind', onStoreError: () => 'anonymous' }, async (ctx) => {
        await attempt(ctx)
        ctx.body = 'done'
      })
      const ann = await loggedIn(t, { key })
      const before = await records()
      const { status, setCookie } = await visit(ann, url)
      t.deepEqual([status, setCookie], [200, []])
      t.deepEqual(errors, [])
      t.deepEqual(await records(), before)
      t.is(await client.get(`${key}:${ann.cookies.get(key)}`), '{"user":"ann"}')
    })
  }

  test(`${name}: an anonymous session cannot be updated`, async (t) => {
    const { key, url, errors, records } = await app(t, { user: 'blind', onStoreError: () => 'anonymous' }, async (ctx) => {
      await t.throwsAsync(ctx.sessionHandler.update((session) => { session.user = 'eve' }), { code: 'ERR_SESSION_STORE' })
      ctx.body = 'done'
    })
    const ann = await loggedIn(t, { key })
    const before = await records()
    const { status, setCookie } = await visit(ann, url)
    t.deepEqual([status, setCookie, errors], [200, [], []])
    t.deepEqual(await records(), before)
  })

  test(`${name}: an anonymous session adopts no id either`, async (t) => {
    const { url, records, key } = await app(t, { user: 'blind', adoptUnknownIds: true, onStoreError: () => 'anonymous' }, logIn)
    const { setCookie } = await visit({ cookies: new Map([[key, 'unknown']]) }, url)
    t.deepEqual(setCookie, [])
    t.deepEqual(await records(), [])
  })

  test(`${name}: who has no cookie is not asked about, and saved as ever`, async (t) => {
    const { browser, calls, records } = await app(t, { user: 'blind', onStoreError: () => 'anonymous' }, logIn)
    const { status, setCookie } = await browser().get()
    t.deepEqual([status, setCookie.length, calls.length], [200, 1, 0])
    t.is((await records()).length, 1)
  })

  for (const returned of [undefined, 'anonymous', true, 'ignore']) {
    test(`${name}: a commit that fails is told and fails the request, though ${JSON.stringify(returned)} is returned`, async (t) => {
      const { browser, calls, errors, records } = await app(t, { user: 'mute', onStoreError: () => returned }, logIn)
      const { status, setCookie, headers } = await browser().get()
      t.deepEqual([status, headers.get('retry-after'), setCookie], [503, '1', []])
      t.is(calls.length, 1)
      const [error, operation, ctx] = calls[0]
      t.deepEqual([error.code, operation, ctx.path], ['ERR_SESSION_STORE', 'commit', '/'])
      t.deepEqual(errors, [error])
      t.deepEqual(await records(), [])
    })
  }

  for (const returned of [true, false, null, 'ignore', {}]) {
    test(`${name}: a load that fails is not forgiven for ${JSON.stringify(returned)}`, async (t) => {
      const { url, key, errors } = await app(t, { user: 'blind', onStoreError: () => returned }, who)
      const { status } = await visit(await loggedIn(t, { key }), url)
      t.is(status, 503)
      t.is(errors.length, 1)
    })
  }

  test(`${name}: what onStoreError throws fails the request`, async (t) => {
    const { url, key, errors } = await app(t, {
      user: 'blind',
      onStoreError (error) {
        throw Object.assign(new Error('teapot', { cause: error }), { status: 418 })
      }
    }, who)
    const { status } = await visit(await loggedIn(t, { key }), url)
    t.is(status, 418)
    t.deepEqual(errors.map(({ message }) => message), ['teapot'])
  })

  test(`${name}: errors that are not the store's are not told`, async (t) => {
    const { browser, calls, errors } = await app(t, { onStoreError: () => 'anonymous' }, (ctx) => {
      if (ctx.path === '/throw') ctx.throw(409, 'by the handler')
      ctx.session.big = 1n
    })
    t.is((await browser().get('/throw')).status, 409)
    t.is((await browser().get('/json')).status, 500)
    t.deepEqual(calls, [])
    t.deepEqual(errors.map(({ code, status }) => code ?? status), [409, 'ERR_SESSION_SERIALIZE'])
  })

  test(`${name}: a store of the user's own is told of too`, async (t) => {
    // A subclass is a JavaScript store, whatever it does.
    class Own extends RedisStore {
      get (key) {
        return super.get(key)
      }
    }
    const store = new Own({ url: redis.url.replace('//', '//blind:any@') })
    t.teardown(() => store.close())
    const { url, key, calls } = await app(t, { store, onStoreError: () => 'anonymous' }, (ctx) => {
      ctx.body = JSON.stringify(ctx.session)
      ctx.session.user = 'eve'
    })
    const { status, body, setCookie } = await visit(await loggedIn(t, { key }), url)
    t.deepEqual([status, body, setCookie], [200, '{}', []])
    t.deepEqual(calls.map(([, operation]) => operation), ['load'])
  })

  test(`${name}: through an outage the site goes on anonymously, and everybody is logged in again after it`, async (t) => {
    const own = await startRedis({ program, args: ['--appendonly', 'yes', '--appendfsync', 'no'] })
    t.teardown(() => own.stop())
    const store = new RedisStore({ url: own.url })
    t.teardown(() => store.close())
    const { browser, calls, errors } = await app(t, { store, onStoreError: (error, operation) => operation === 'load' ? 'anonymous' : undefined }, routes)
    const users = Array.from({ length: 10 }, browser)
    await Promise.all(users.map((user) => user.get('/login')))
    await own.kill()
    const during = await Promise.all(users.map((user) => user.get()))
    t.true(during.every(({ status, body, setCookie }) => status === 200 && body === '{}' && setCookie.length === 0))
    t.is((await browser().get('/login')).status, 503, 'what cannot be kept is refused')
    t.deepEqual(calls.map(([, operation]) => operation), [...Array(10).fill('load'), 'commit'])
    t.is(errors.length, 1)
    await own.restart()
    await until('the store is back', () => store.ping().then(() => true))
    for (const user of users) t.is((await user.get()).body, '{"user":"ann"}')
  })

  test(`${name}: which server ran`, (t) => {
    t.log(redis.about())
    t.pass()
  })
}

for (const value of ['anonymous', {}, 7, true]) {
  test(`an onStoreError that is ${JSON.stringify(value)} throws when the middleware is made`, (t) => {
    t.throws(() => session({ onStoreError: value }), { instanceOf: TypeError, code: 'ERR_SESSION_OPTION', message: /^option onStoreError/ })
  })
}

for (const value of [undefined, null, false, 0, '', () => {}]) {
  test(`an onStoreError that is ${String(value)} is accepted`, (t) => {
    t.is(typeof session({ onStoreError: value }), 'function')
  })
}
