'use strict'

// Immutability: what is frozen, when, and which requests share an object. NODE_ENV is read when the middleware is made.

const test = require('ava')
const { idOf, setUp, start } = require('./setup')

const { kinds } = setUp(test)
const js = ['JavaScript', 'JavaScript with TTL_MS']
const native = ['memory', 'Redis']

// An app that hands out the objects of its requests.
const app = async (t, kind, env, options) => {
  const seen = []
  const store = kind.make(t)
  const { NODE_ENV } = process.env
  process.env.NODE_ENV = env
  const starting = start(t, { store, ...options }, {
    login: (ctx) => { ctx.session = { n: 1, list: [{ deep: 1 }], nothing: null } },
    update: (ctx) => { ctx.session = { ...ctx.session, n: ctx.session.n + 1 } },
    equal: (ctx) => { ctx.session = { ...ctx.session } },
    read: (ctx) => { seen.push(ctx.session) }
  })
  process.env.NODE_ENV = NODE_ENV // before anything is awaited: the other tests have theirs
  const served = await starting
  const user = await served.user('/login')
  const read = async () => {
    await user.get('/read')
    return seen.at(-1)
  }
  return { ...served, store, user, read }
}

const isDeeplyFrozen = (value) => Object.isFrozen(value) && Object.isFrozen(value.list) && Object.isFrozen(value.list[0])
const isNotFrozen = (value) => !Object.isFrozen(value) && !Object.isFrozen(value.list) && !Object.isFrozen(value.list[0])

for (const [names, env, frozen, expected] of [
  [[...native, ...js], 'development', undefined, isDeeplyFrozen],
  [[...native, ...js], 'test', undefined, isDeeplyFrozen],
  [native, 'production', undefined, isDeeplyFrozen], // since it is shared
  [js, 'production', undefined, isNotFrozen],
  [[...native, ...js], 'production', true, isDeeplyFrozen],
  [[...native, ...js], 'production', false, isNotFrozen],
  [[...native, ...js], 'development', false, isNotFrozen]
]) {
  for (const name of names) {
    const option = frozen === undefined ? '' : `, frozen: ${frozen}`
    test(`${name}, ${env}${option}: the loaded object is ${expected === isDeeplyFrozen ? 'deeply' : 'not'} frozen`, async (t) => {
      const { read } = await app(t, kinds[name], env, { frozen })
      t.true(expected(await read()))
    })
  }
}

for (const name of [...native, ...js]) {
  test(`${name}: an in-place change throws a TypeError at its line`, async (t) => {
    const { user, read, errors, app: koa } = await app(t, kinds[name], 'development')
    const session = await read()
    t.throws(() => { session.n = 2 }, { instanceOf: TypeError })
    t.throws(() => { session.list[0].deep = 2 }, { instanceOf: TypeError })
    t.throws(() => { session.list.push(1) }, { instanceOf: TypeError })
    t.throws(() => { delete session.n }, { instanceOf: TypeError })
    t.is(JSON.stringify(await read()), '{"n":1,"list":[{"deep":1}],"nothing":null}')

    koa.middleware.splice(1, 0, (ctx, next) => {
      ctx.session.n++
      return next()
    })
    t.is((await user.get()).status, 500)
    t.true(errors[0] instanceof TypeError)
    t.regex(errors[0].stack.split('\n')[1], /frozen\.test\.js/)
  })

  test(`${name}: the object that is assigned stays the handler's own`, async (t) => {
    const mine = { n: 2, list: [{ deep: 1 }] }
    const { browser } = await start(t, { store: kinds[name].make(t) }, { mine: (ctx) => { ctx.session = mine } })
    await browser().get('/mine')
    t.true(isNotFrozen(mine))
  })
}

for (const name of native) {
  test(`${name}: one object serves many requests while the stored text is the same`, async (t) => {
    const { user, read, store } = await app(t, kinds[name], 'production')
    const first = await read()
    t.is(await read(), first)
    await user.get('/equal')
    t.is(await read(), first, 'saved again, with the same text')
    await user.get('/update')
    const second = await read()
    t.not(second, first)
    t.is(second.n, 2)
    t.is(await read(), second)
    await kinds[name].put(store, idOf(user), '{"n":7}') // by another program
    t.deepEqual(await read(), { n: 7 })
    t.is(first.n, 1)
  })

  test(`${name}: of a session that has replaced another the object is frozen too, with a text of its own`, async (t) => {
    const { user, read, store } = await app(t, kinds[name], 'production')
    let before = await read()
    for (const n of [2, 3, 4]) {
      await user.get('/update')
      const session = await read()
      t.true(isDeeplyFrozen(session))
      t.is(JSON.stringify(session), `{"n":${n},"list":[{"deep":1}],"nothing":null}`)
      t.is(before.n, n - 1)
      before = session
    }
    await kinds[name].put(store, idOf(user), '{"n":7}') // by another program
    await user.get('/update')
    t.deepEqual(await read(), { n: 8 })
  })

  test(`${name}: users never share an object, even if their sessions are equal`, async (t) => {
    const { user: ada, read, browser } = await app(t, kinds[name], 'production')
    const bob = browser()
    await bob.get('/login')
    const mine = await read()
    ada.cookies.set('connsid', idOf(bob))
    const theirs = await read()
    t.not(theirs, mine)
    t.deepEqual(theirs, mine)
  })

  test(`${name}: frozen: false turns sharing off`, async (t) => {
    const { read } = await app(t, kinds[name], 'production', { frozen: false })
    const first = await read()
    first.n = 100
    const second = await read()
    t.not(second, first)
    t.is(second.n, 1, 'a change in place reaches nobody')
  })
}

for (const name of js) {
  for (const env of ['development', 'production']) {
    test(`${name}, ${env}: objects of a JavaScript store are never shared`, async (t) => {
      const { read } = await app(t, kinds[name], env)
      const first = await read()
      t.not(await read(), first)
    })
  }
}
