'use strict'

// What becomes of requests that run side by side on one session. Gates force their order.

const test = require('ava')
const { SessionIdResolver } = require('../../lib/imsession')
const { gate } = require('../helpers/serve')
const { idOf, koas, setUp, start } = require('./setup')

const { kinds } = setUp(test)

// A route that has read its session when `loaded` opens, and goes on with `change` when `go` does.
const slow = (change) => {
  const [loaded, go] = [gate(), gate()]
  const route = async (ctx) => {
    route.seen = ctx.session
    loaded.open()
    await go.passed
    change(ctx)
    ctx.body = 'slow'
  }
  return Object.assign(route, { loaded: loaded.passed, go: go.open })
}

const routes = {
  login: (ctx) => { ctx.session = { n: 1, gone: true, o: { x: 1 } } },
  a: (ctx) => {
    const { gone, ...rest } = ctx.session
    ctx.session = { ...rest, a: 1, o: { ...rest.o, a: 1 } }
  },
  n: (ctx) => { ctx.session = { ...ctx.session, n: 5 } },
  renew: (ctx) => { ctx.session = true },
  logout: (ctx) => { ctx.session = null }
}
const addB = (ctx) => { ctx.session = { ...ctx.session, b: 1, o: { ...ctx.session.o, b: 1 } } }

for (const [koa, Koa] of Object.entries(koas)) {
  for (const kind of Object.values(kinds)) {
    const where = `${kind.name}, ${koa}`

    test(`${where}: two replacements from one base are merged, key by key`, async (t) => {
      const late = slow(addB)
      const { user: logIn, events } = await start(t, { Koa, store: kind.make(t) }, { ...routes, late })
      const user = await logIn('/login')
      const answer = user.get('/late', user.cookie)
      await late.loaded
      await user.get('/a')
      late.go()
      t.is((await answer).setCookie.length, 1)
      t.deepEqual(JSON.parse((await user.get()).body), { n: 1, a: 1, b: 1, o: { x: 1, a: 1, b: 1 } })
      t.deepEqual(events, [])
    })

    test(`${where}: with conflict: 'overwrite' the later write wins`, async (t) => {
      const late = slow((ctx) => { ctx.session = { late: true } })
      const { user: logIn } = await start(t, { Koa, store: kind.make(t), conflict: 'overwrite' }, { ...routes, late })
      const user = await logIn('/login')
      const answer = user.get('/late', user.cookie)
      await late.loaded
      await user.get('/n')
      late.go()
      await answer
      t.is((await user.get()).body, '{"late":true}')
    })

    for (const end of ['logout', 'renew']) {
      test(`${where}: a session that was ended by ${end} stays dead under its id (session:gone)`, async (t) => {
        const late = slow(addB)
        const store = kind.make(t)
        const { user: logIn, browser, events, errors } = await start(t, { Koa, store }, { ...routes, late })
        const user = await logIn('/login')
        const { cookie } = user
        const other = browser()
        const answer = other.get('/late', cookie)
        await late.loaded
        await user.get(`/${end}`)
        late.go()
        const { status, setCookie } = await answer
        t.deepEqual([status, setCookie], [200, []])
        t.deepEqual([events, errors], [['session:gone'], []])
        t.is((await other.get('/', cookie)).body, 'null')
        t.falsy(await store.get(cookie.split('=')[1]))
        const ours = await user.get()
        t.is(ours.body, end === 'logout' ? 'null' : '{"n":1,"gone":true,"o":{"x":1}}')
      })
    }

    test(`${where}: a logout wins over what was saved meanwhile`, async (t) => {
      const late = slow((ctx) => { ctx.session = null })
      const store = kind.make(t)
      const { user: logIn } = await start(t, { Koa, store }, { ...routes, late })
      const user = await logIn('/login')
      const { cookie } = user
      const answer = user.get('/late', cookie)
      await late.loaded
      await user.get('/n')
      late.go()
      t.regex((await answer).setCookie[0], /^connsid=;/)
      t.is((await user.get('/', cookie)).body, 'null')
      if (kind.ids) t.deepEqual(await kind.ids(store), [])
    })

    test(`${where}: what was saved meanwhile goes with the session to its new id`, async (t) => {
      const late = slow((ctx) => {
        addB(ctx)
        ctx.session = true
      })
      const { user: logIn } = await start(t, { Koa, store: kind.make(t) }, { ...routes, late })
      const user = await logIn('/login')
      const { cookie } = user
      const answer = user.get('/late', cookie)
      await late.loaded
      await user.get('/a')
      late.go()
      await answer
      t.not(user.cookie, cookie)
      t.deepEqual(JSON.parse((await user.get()).body), { n: 1, a: 1, b: 1, o: { x: 1, a: 1, b: 1 } })
      t.is((await user.get('/', cookie)).body, 'null')
    })

    test(`${where}: of two that give a new id at once the later keeps what it has added, and nothing else`, async (t) => {
      const late = slow((ctx) => {
        ctx.session = { ...ctx.session, mine: 1 }
        ctx.session = true
      })
      const { user: logIn, browser } = await start(t, { Koa, store: kind.make(t) }, { ...routes, late })
      const user = await logIn('/login')
      const other = browser()
      const answer = other.get('/late', user.cookie)
      await late.loaded
      await user.get('/renew')
      late.go()
      await answer
      t.is((await user.get()).body, '{"n":1,"gone":true,"o":{"x":1}}')
      t.is((await other.get()).body, '{"mine":1}')
      t.not(other.cookie, user.cookie)
    })
  }
}

// An id that is taken first, and a free one after it.
class Unlucky extends SessionIdResolver {
  next = []

  generate () {
    return this.next.shift() ?? super.generate()
  }
}

// A JavaScript store is not asked whether an id is free: that would cost each login a round trip.
for (const kind of Object.values(kinds).filter(({ isJs }) => !isJs)) {
  test(`${kind.name}: a session that is created or renewed never overwrites another`, async (t) => {
    const idResolver = new Unlucky()
    const { user: logIn, browser } = await start(t, { store: kind.make(t), idResolver }, {
      ...routes,
      create: (ctx) => { ctx.session = { created: true } }
    })
    const user = await logIn('/login')
    const taken = idOf(user)
    const [second, third] = [browser(), browser()]
    idResolver.next = [taken]
    await second.get('/create')
    await third.get('/create')
    idResolver.next = [taken]
    await third.get('/renew')
    t.is(new Set([user, second, third].map((each) => idOf(each))).size, 3)
    t.is((await user.get()).body, '{"n":1,"gone":true,"o":{"x":1}}')
    t.is((await second.get()).body, '{"created":true}')
    t.is((await third.get()).body, '{"created":true}')
  })
}

test('a resolver that makes no string fails the request, and stores nothing', async (t) => {
  for (const made of [12345, undefined, '']) {
    const idResolver = new Unlucky()
    idResolver.generate = () => made
    const { browser, errors } = await start(t, { store: kinds.memory.make(t), idResolver }, {
      create: (ctx) => { ctx.session = { created: true } }
    })
    t.is((await browser().get('/create')).status, 500)
    t.like(errors[0], { name: 'TypeError', message: `the id resolver's generate() must answer with a string, got ${made === '' ? 'an empty one' : typeof made}` })
  }
})

test('a resolver that knows no free id fails the request', async (t) => {
  const idResolver = new Unlucky()
  const { user: logIn, browser, errors } = await start(t, { store: kinds.memory.make(t), idResolver }, {
    ...routes,
    create: (ctx) => { ctx.session = { created: true } }
  })
  const user = await logIn('/login')
  idResolver.next = Array(100).fill(idOf(user))
  const { status, setCookie } = await browser().get('/create')
  t.deepEqual([status, setCookie, errors.map(({ code }) => code)], [503, [], ['ERR_SESSION_STORE']])
  t.is((await user.get()).body, '{"n":1,"gone":true,"o":{"x":1}}')
})
