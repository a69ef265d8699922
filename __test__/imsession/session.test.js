'use strict'

// ctx.session, whatever is assigned to it, over every store and on both Koas.

const test = require('ava')
const { HEX_ID, idOf, koas, setUp, start } = require('./setup')

const { kinds } = setUp(test)

const routes = {
  login: (ctx) => { ctx.session = { user: 'ada', n: 1 } },
  empty: (ctx) => { ctx.session = {} },
  list: (ctx) => { ctx.session = [1, 2] },
  update: (ctx) => { ctx.session = { ...ctx.session, n: ctx.session.n + 1 } },
  equal: (ctx) => { ctx.session = { ...ctx.session } },
  same: (ctx) => { ctx.session = ctx.session }, // eslint-disable-line no-self-assign
  false: (ctx) => { ctx.session = false },
  null: (ctx) => { ctx.session = null },
  undefined: (ctx) => { ctx.session = undefined },
  zero: (ctx) => { ctx.session = 0 },
  text: (ctx) => { ctx.session = '' },
  true: (ctx) => { ctx.session = true }
}
const ways = ['false', 'null', 'undefined', 'zero', 'text']

// Counts the writes of a store, whatever it is: through the store's own methods it would no longer be native.
const calls = (store) => {
  const seen = []
  const { get, set, destroy } = store
  store.get = (...args) => { seen.push(['get', ...args]); return get(...args) }
  store.set = (...args) => { seen.push(['set', ...args]); return set(...args) }
  store.destroy = (...args) => { seen.push(['destroy', ...args]); return destroy(...args) }
  return seen
}

for (const [koa, Koa] of Object.entries(koas)) {
  for (const kind of Object.values(kinds)) {
    const where = `${kind.name}, ${koa}`

    test(`${where}: ctx.session is null without a session, and no cookie is sent`, async (t) => {
      const { browser } = await start(t, { Koa, store: kind.make(t) })
      const { body, setCookie } = await browser().get()
      t.deepEqual([body, setCookie], ['null', []])
    })

    test(`${where}: an object logs in, a new one replaces it, and each save sends the cookie`, async (t) => {
      const { browser } = await start(t, { Koa, store: kind.make(t) }, routes)
      const user = browser()
      const login = await user.get('/login')
      t.is(login.setCookie.length, 1)
      const id = idOf(user)
      t.regex(id, HEX_ID)
      const read = await user.get()
      t.deepEqual([read.body, read.setCookie], ['{"user":"ada","n":1}', []])
      const update = await user.get('/update')
      t.is(update.setCookie.length, 1)
      t.is(idOf(user), id, 'the id stays')
      t.is((await user.get()).body, '{"user":"ada","n":2}')
      t.is((await browser().get()).body, 'null', 'nobody else has it')
    })

    test(`${where}: comparison is by identity`, async (t) => {
      const { user: logIn } = await start(t, { Koa, store: kind.make(t) }, routes)
      const user = await logIn('/login')
      const id = idOf(user)
      t.is((await user.get('/equal')).setCookie.length, 1, 'a new object, though equal')
      t.is(idOf(user), id)
      t.deepEqual((await user.get('/same')).setCookie, [], 'the same object')
      t.is((await user.get()).body, '{"user":"ada","n":1}')
    })

    test(`${where}: {} is a live session, and so is a list`, async (t) => {
      const { user: logIn } = await start(t, { Koa, store: kind.make(t) }, routes)
      for (const [path, body] of [['/empty', '{}'], ['/list', '[1,2]']]) {
        const user = await logIn(path)
        t.regex(idOf(user), HEX_ID)
        const read = await user.get()
        t.deepEqual([read.body, read.setCookie], [body, []])
      }
      const user = await logIn('/login')
      await user.get('/empty')
      t.is((await user.get()).body, '{}', 'also in place of another')
    })

    for (const way of ways) {
      test(`${where}: a session that is assigned ${way} is destroyed, record and cookie`, async (t) => {
        const store = kind.make(t)
        const { browser, user: logIn } = await start(t, { Koa, store }, routes)
        const user = await logIn('/login')
        const { cookie } = user
        const { body, setCookie } = await user.get(`/${way}`)
        t.is(body, 'null')
        t.is(setCookie.length, 1)
        t.regex(setCookie[0], /^connsid=; .*expires=Thu, 01 Jan 1970/)
        t.is((await user.get('/', cookie)).body, 'null')
        t.falsy(await store.get(cookie.split('=')[1]))
        const visitor = await browser().get(`/${way}`)
        t.deepEqual([visitor.body, visitor.setCookie], ['null', []], 'nothing is sent where there was none')
      })
    }

    test(`${where}: true gives a new id and keeps the data; the old id is dead`, async (t) => {
      const { user: logIn } = await start(t, { Koa, store: kind.make(t) }, routes)
      const user = await logIn('/login')
      const old = user.cookie
      const { body, setCookie } = await user.get('/true')
      t.deepEqual([body, setCookie.length], ['{"user":"ada","n":1}', 1])
      t.regex(idOf(user), HEX_ID)
      t.not(user.cookie, old)
      t.is((await user.get()).body, '{"user":"ada","n":1}')
      t.is((await user.get('/', old)).body, 'null')
    })

    test(`${where}: true does nothing without a session`, async (t) => {
      const store = kind.make(t)
      const { browser } = await start(t, { Koa, store }, routes)
      const { body, setCookie } = await browser().get('/true')
      t.deepEqual([body, setCookie], ['null', []])
      if (kind.ids) t.deepEqual(await kind.ids(store), [])
    })
  }
}

for (const kind of Object.values(kinds)) {
  test(`${kind.name}: of several assignments in one request the last counts`, async (t) => {
    const store = kind.make(t)
    const seen = []
    const { user: logIn, browser } = await start(t, { store }, {
      ...routes,
      true: (ctx) => {
        ctx.session = true
        ctx.session = { ...ctx.session, n: 2 }
      },
      after: (ctx) => {
        ctx.session = { n: 3 }
        ctx.session = true
        seen.push(ctx.session)
      },
      cancelled: (ctx) => {
        ctx.session = { n: 4 }
        ctx.session = null
        ctx.session = true
      },
      anew: (ctx) => {
        ctx.session = null
        seen.push(ctx.session)
        ctx.session = { user: 'bob' }
      },
      back: (ctx) => {
        const { session } = ctx
        ctx.session = { n: 5 }
        ctx.session = session
      }
    })
    const user = await logIn('/login')
    const first = user.cookie
    t.deepEqual((await user.get('/back')).setCookie, [], 'the loaded object is put back: nothing has changed')
    await user.get('/true')
    const second = user.cookie
    t.not(second, first, 'a new id, and new data')
    t.is((await user.get()).body, '{"user":"ada","n":2}')
    await user.get('/after')
    t.not(user.cookie, second)
    t.is((await user.get()).body, '{"n":3}')
    const third = user.cookie
    const { setCookie } = await user.get('/anew')
    t.is(setCookie.length, 1, 'one cookie, and not a deletion beside it')
    t.not(user.cookie, third, 'destroyed and begun anew is another session')
    t.is((await user.get()).body, '{"user":"bob"}')
    t.is((await user.get('/', third)).body, 'null')
    await user.get('/cancelled')
    t.is(user.cookie, '')
    t.deepEqual((await browser().get('/cancelled')).setCookie, [])
    t.deepEqual(seen, [{ n: 3 }, null])
  })

  test(`${kind.name}: what is read is what was assigned, the object itself`, async (t) => {
    const { user: logIn } = await start(t, { store: kind.make(t) }, {
      ...routes,
      replace: (ctx) => {
        const before = ctx.session
        const mine = { n: 2 }
        ctx.session = mine
        ctx.body = String(ctx.session === mine && before !== mine)
      },
      twice: (ctx) => { ctx.body = String(ctx.session === ctx.session) } // eslint-disable-line no-self-compare
    })
    const user = await logIn('/login')
    t.is((await user.get('/twice')).body, 'true')
    t.is((await user.get('/replace')).body, 'true')
  })
}

for (const [name, value] of Object.entries({ number: 1, string: 'ada', symbol: Symbol('s'), bigint: 1n, function: () => {} })) {
  test(`a ${name} throws a TypeError at the assignment`, async (t) => {
    let thrown
    const { user: logIn } = await start(t, { store: kinds.memory.make(t) }, {
      ...routes,
      wrong: (ctx) => {
        thrown = t.throws(() => { ctx.session = value }, { instanceOf: TypeError })
      }
    })
    const user = await logIn('/login')
    t.deepEqual((await user.get('/wrong')).setCookie, [])
    t.regex(thrown.message, new RegExp(`ctx\\.session takes .* ${name}`))
    t.is((await user.get()).body, '{"user":"ada","n":1}', 'and changes nothing')
  })
}

// Serial, for it listens to all of JSON.
test.serial('what is only read, or assigned itself, is neither written nor serialised', async (t) => {
  const store = kinds.JavaScript.make(t)
  const seen = calls(store)
  const { user: logIn } = await start(t, { store }, { ...routes, read: (ctx) => { ctx.body = String(ctx.session.n) } })
  const user = await logIn('/login')
  seen.length = 0
  const { stringify } = JSON
  let serialised = 0
  JSON.stringify = (...args) => { serialised++; return stringify(...args) }
  t.teardown(() => { JSON.stringify = stringify })
  await user.get('/read')
  t.is(serialised, 0)
  JSON.stringify = stringify
  await user.get('/same')
  t.deepEqual(seen, [['get', idOf(user)], ['get', idOf(user)]])
})

test('a JavaScript store gets id, data and the TTL in milliseconds', async (t) => {
  const store = kinds.JavaScript.make(t)
  const seen = calls(store)
  const { user: logIn } = await start(t, { store, cookie: { maxAge: 5000 } }, routes)
  const user = await logIn('/login')
  const id = idOf(user)
  await user.get('/null')
  t.deepEqual(seen, [['set', id, { user: 'ada', n: 1 }, 15000], ['get', id], ['destroy', id]])
})
