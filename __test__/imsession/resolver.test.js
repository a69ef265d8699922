'use strict'

// Where ids come from, and which of them reach a store.

const test = require('ava')
const Cookies = require('cookies')
const Keygrip = require('keygrip')
const { imsession, SessionIdResolver } = require('../../lib/imsession')
const { DAY, HEX_ID, idOf, koas, setUp, start } = require('./setup')

const { kinds } = setUp(test)

const routes = {
  login: (ctx) => { ctx.session = { user: 'ada' } },
  update: (ctx) => { ctx.session = { ...ctx.session, updated: true } },
  renew: (ctx) => { ctx.session = true },
  logout: (ctx) => { ctx.session = null }
}

// As in koa-imsession's README: the id travels in headers, and there is no cookie.
class BearerResolver extends SessionIdResolver {
  get (ctx) {
    return /^Bearer (\S+)$/.exec(ctx.get('authorization'))?.[1]
  }

  set (ctx, id) {
    ctx.set('x-session-token', id ?? '')
  }
}

// The same, each step behind a promise.
class AsyncResolver extends BearerResolver {
  async get (ctx) {
    await null
    return super.get(ctx)
  }

  async set (ctx, id) {
    await new Promise(setImmediate)
    super.set(ctx, id)
  }

  async generate (ctx) {
    await null
    return super.generate(ctx)
  }
}

const request = async (url, token) => {
  const response = await fetch(url, { headers: token ? { authorization: `Bearer ${token}` } : {} })
  return { token: response.headers.get('x-session-token'), setCookie: response.headers.getSetCookie(), body: await response.text() }
}

// Of ids that are made by the application each has the line of the cookies module, or none.
class GivenResolver extends SessionIdResolver {
  ids = ['one', 'two', 'a b', 'sp;lit', 'three', 'a,b', 'four']

  generate () {
    return this.ids.shift()
  }
}

test('each id has a cookie of its own, whatever is in it, and none where it cannot be sent', async (t) => {
  const store = kinds.JavaScript.make(t)
  const { browser, errors } = await start(t, { store, idResolver: new GivenResolver() }, routes)
  const sent = []
  for (let n = 0; n < 7; n++) {
    const { status, setCookie } = await browser().get('/login')
    sent.push(status === 200 ? setCookie.map((line) => line.split(';')[0]).join() : status)
  }
  t.deepEqual(sent, ['connsid=one', 'connsid=two', 'connsid=a b', 500, 'connsid=three', 'connsid=a,b', 'connsid=four'])
  t.deepEqual([errors.length, store.records.size], [1, 6])
})

for (const [what, derive] of Object.entries({
  'one that another is the prototype of': (resolver) => Object.create(resolver, { get: { value: () => undefined } }),
  'a Proxy': (resolver) => new Proxy(resolver, {})
})) {
  test(`a resolver need not be one that the constructor made: ${what}`, async (t) => {
    const { app, browser } = await start(t, { idResolver: derive(new SessionIdResolver({ cookie: { signed: true } })) }, routes)
    app.keys = ['secret']
    for (let n = 0; n < 2; n++) t.is((await browser().get('/login')).setCookie.length, 2)
  })
}

test.serial('a resolver\'s name may change, to what is a name', async (t) => {
  const { now } = Date
  const time = now()
  Date.now = () => time // as below
  t.teardown(() => { Date.now = now })
  const idResolver = new SessionIdResolver({ name: 'first' })
  const { browser } = await start(t, { idResolver }, routes)
  const answers = []
  for (const name of ['first', 'second', 'a;b', 'a=b', 'second']) {
    idResolver.name = name
    const { status, setCookie } = await browser().get('/login')
    answers.push(status === 200 ? setCookie[0].split('=')[0] : status)
  }
  t.deepEqual(answers, ['first', 'second', 500, 500, 'second'])
})

for (const [koa, Koa] of Object.entries(koas)) {
  test(`signed cookies have a signature each, though the application had no keys at first, on ${koa}`, async (t) => {
    for (const signed of [true, undefined]) {
      const { app, browser } = await start(t, { Koa, cookie: { signed } }, routes)
      if (signed === undefined) t.is((await browser().get('/login')).setCookie.length, 1)
      app.keys = ['secret']
      for (let n = 0; n < 3; n++) {
        const user = browser()
        const { setCookie } = await user.get('/login')
        const [line, signature] = setCookie.map((line) => line.split(';')[0])
        t.is(signature, `connsid.sig=${new Keygrip(['secret']).sign(line)}`)
      }
    }
  })

  test.serial(`no jar is made for a cookie in which nothing but the id is another, on ${koa}`, async (t) => {
    const { now } = Date
    const time = now()
    Date.now = () => time // the cookie's end is another each second
    t.teardown(() => { Date.now = now })
    const jars = []
    const look = async (ctx, next) => {
      await next()
      jars.push(Object.getOwnPropertySymbols(ctx).some((symbol) => ctx[symbol] instanceof Cookies))
    }
    const { browser } = await start(t, { Koa, before: [look] }, routes)
    for (let n = 0; n < 3; n++) await browser().get('/login')
    t.deepEqual(jars, [true, false, false])
  })

  for (const kind of Object.values(kinds)) {
    for (const Resolver of [BearerResolver, AsyncResolver]) {
      test(`${kind.name}, ${koa}, ${Resolver.name}: sessions are told by a token, and no cookie is sent`, async (t) => {
        const { url } = await start(t, { Koa, store: kind.make(t), idResolver: new Resolver() }, routes)
        const login = await request(`${url}/login`)
        t.regex(login.token, HEX_ID)
        t.deepEqual(login.setCookie, [])
        const read = await request(url, login.token)
        t.deepEqual(read, { token: null, setCookie: [], body: '{"user":"ada"}' })
        t.is((await request(`${url}/update`, login.token)).token, login.token)
        const { token } = await request(`${url}/renew`, login.token)
        t.regex(token, HEX_ID)
        t.not(token, login.token)
        t.is((await request(url, login.token)).body, 'null')
        t.is((await request(url, token)).body, '{"user":"ada","updated":true}')
        t.is((await request(`${url}/logout`, token)).token, '')
        t.is((await request(url, token)).body, 'null')
        t.is((await request(url)).body, 'null')
      })
    }

    test(`${kind.name}, ${koa}: an id that the store does not know is not adopted`, async (t) => {
      const store = kind.make(t)
      const { browser } = await start(t, { Koa, store }, routes)
      const planted = 'a'.repeat(32)
      const user = browser()
      user.cookies.set('connsid', planted)
      t.deepEqual((await user.get()).body, 'null')
      t.deepEqual((await user.get('/logout')).setCookie, [])
      await user.get('/login')
      t.regex(idOf(user), HEX_ID)
      t.not(idOf(user), planted)
      t.falsy(await store.get(planted))
    })

    test(`${kind.name}, ${koa}: ids of another form reach no store`, async (t) => {
      const store = kind.make(t)
      const others = ['cache:user:1', 'a b', 'ä', '', 'a'.repeat(129), '../a', '{a}', ...kind.isJs ? [] : ['A'.repeat(32), 'a'.repeat(31), 'a'.repeat(33)]]
      for (const id of others) if (id) await kind.put(store, id, '{"stolen":true}')
      const { browser } = await start(t, { Koa, store }, routes)
      for (const id of others) {
        const user = browser()
        const read = await user.get('/', `connsid=${encodeURI(id)}`)
        t.deepEqual([read.status, read.body, read.setCookie], [200, 'null', []], id)
        if (id !== 'ä') t.is((await user.get('/', `connsid=${id}`)).body, 'null', id)
        await user.get('/logout', `connsid=${encodeURI(id)}`)
        await user.get('/login', `connsid=${encodeURI(id)}`)
        t.regex(idOf(user), HEX_ID)
      }
      for (const id of others) if (id) t.is(JSON.stringify(await store.get(id)), '{"stolen":true}', 'as it was')
    })
  }
}

for (const kind of Object.values(kinds).filter(({ isJs }) => isJs)) {
  test(`${kind.name}: ids of 1 to 128 of A-Z a-z 0-9 _ - reach a JavaScript store`, async (t) => {
    const store = kind.make(t)
    const ids = ['a', 'A_b-9', 'z'.repeat(128)]
    for (const id of ids) kind.put(store, id, `{"id":"${id}"}`)
    const { browser } = await start(t, { store }, routes)
    for (const id of ids) t.is((await browser().get('/', `connsid=${id}`)).body, `{"id":"${id}"}`)
  })
}

for (const kind of Object.values(kinds)) {
  test(`${kind.name}: a resolver with a get of its own decides for itself`, async (t) => {
    const store = kind.make(t)
    await kind.put(store, 'app:session 1', '{"mine":true}')
    const { url } = await start(t, { store, idResolver: { get: () => 'app:session 1', set () {}, generate: () => 'app:session 2' } }, routes)
    t.is((await request(url)).body, '{"mine":true}')
    await request(`${url}/update`)
    t.is(JSON.stringify(await store.get('app:session 1')), '{"mine":true,"updated":true}')
  })

  test(`${kind.name}: ids that a resolver generates otherwise are known again`, async (t) => {
    class Short extends SessionIdResolver {
      generate () {
        return `short_${super.generate().slice(0, 8)}`
      }
    }
    const { user: logIn } = await start(t, { store: kind.make(t), idResolver: new Short({ name: 'short' }) }, routes)
    const user = await logIn('/login')
    t.regex(idOf(user, 'short'), /^short_[0-9a-f]{8}$/)
    t.is((await user.get()).body, '{"user":"ada"}')
  })

  for (const id of [undefined, null, 7, {}]) {
    test(`${kind.name}: a resolver that finds ${id} finds no session`, async (t) => {
      const { url } = await start(t, { store: kind.make(t), idResolver: { get: () => id, set () {}, generate: () => 'x' } })
      t.is((await request(url)).body, 'null')
    })
  }
}

test('a resolver is given ctx, and the id, or null for a session that is destroyed', async (t) => {
  const calls = []
  const idResolver = {
    get (ctx) { calls.push(['get', ctx.path]); return ctx.get('id') },
    set (ctx, id) { calls.push(['set', ctx.path, id]) },
    generate (ctx) { calls.push(['generate', ctx.path]); return 'b'.repeat(32) }
  }
  const { url } = await start(t, { store: kinds.memory.make(t), idResolver }, routes)
  await fetch(`${url}/login`)
  await fetch(`${url}/logout`, { headers: { id: 'b'.repeat(32) } })
  t.deepEqual(calls, [
    ['get', '/login'], ['generate', '/login'], ['set', '/login', 'b'.repeat(32)],
    ['get', '/logout'], ['set', '/logout', null]
  ])
})

test('the default resolver: a cookie of its name, ids of 32 lower-case hex digits, no two alike', async (t) => {
  const resolver = new SessionIdResolver({ name: 'mine', cookie: { path: '/a' } })
  const ids = Array.from({ length: 1000 }, () => resolver.generate())
  t.is(new Set(ids).size, 1000)
  t.true(ids.every((id) => HEX_ID.test(id)))
  t.is(resolver.name, 'mine')
  t.deepEqual(resolver.cookie, { path: '/a' })
  t.is(new SessionIdResolver().name, 'connsid')
  t.throws(() => new SessionIdResolver({ name: 'a=b' }), { code: 'ERR_SESSION_OPTION' })
  t.throws(() => new SessionIdResolver({ cookie: { maxAge: '1d' } }), { code: 'ERR_SESSION_OPTION' })

  const { user: logIn } = await start(t, { store: kinds.memory.make(t), idResolver: resolver }, routes)
  const user = await logIn('/login')
  t.regex(idOf(user, 'mine'), HEX_ID)
  t.is((await user.get()).body, '{"user":"ada"}')
})

test('a subclass may extend what the default does', async (t) => {
  class Audited extends SessionIdResolver {
    seen = []

    get (ctx) {
      const id = super.get(ctx)
      this.seen.push(id)
      return id
    }

    set (ctx, id) {
      super.set(ctx, id)
      ctx.set('x-session', id === null ? 'ended' : 'sent')
    }
  }
  const idResolver = new Audited({ name: 'sid' })
  const { user: logIn } = await start(t, { store: kinds.memory.make(t), idResolver }, routes)
  const user = await logIn('/login')
  const id = idOf(user, 'sid')
  const { headers } = await user.get('/update')
  t.is(headers.get('x-session'), 'sent')
  t.is((await user.get('/logout')).headers.get('x-session'), 'ended')
  t.deepEqual(idResolver.seen, [undefined, id, id])
  t.is(idOf(user, 'sid'), undefined)
})

test('a resolver that fails fails the request, and nothing is stored where it could not generate', async (t) => {
  const store = kinds.JavaScript.make(t)
  const failing = (method) => ({ get () {}, set () {}, generate: () => 'x', [method]: () => { throw new Error(method) } })
  for (const [method, stored] of [['get', 0], ['generate', 0], ['set', 1]]) {
    const { browser, errors } = await start(t, { store, idResolver: failing(method) }, routes)
    t.is((await browser().get('/login')).status, 500)
    t.deepEqual(errors.map(({ message }) => message), [method])
    t.is(store.records.size, stored)
  }
})

test('the default resolver reads cookies as the cookies module does', async (t) => {
  const store = kinds.memory.make(t)
  const { user: logIn } = await start(t, { store, name: 'a.b' }, routes)
  const user = await logIn('/login')
  const id = idOf(user, 'a.b')
  for (const [header, body] of [
    [`x=1; a.b=${id}`, '{"user":"ada"}'],
    [`a.b="${id}"`, '{"user":"ada"}'],
    [`a.b=${id}; a.b=other`, '{"user":"ada"}'],
    [`axb=${id}`, 'null'],
    [`xa.b=${id}`, 'null']
  ]) t.is((await user.get('/', header)).body, body, header)
})

test('imsession takes its own and a user\'s resolver object', (t) => {
  t.notThrows(() => imsession({ idResolver: new SessionIdResolver({ cookie: { maxAge: DAY } }) }))
  t.notThrows(() => imsession({ idResolver: { get () {}, set () {}, generate () {} } }))
})
