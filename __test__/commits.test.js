'use strict'

const test = require('ava')
const { once } = require('node:events')
const { stat } = require('node:fs/promises')
const net = require('node:net')
const { setImmediate: turn } = require('node:timers/promises')
const { inspect } = require('node:util')
const session = require('..')
const { startRedis } = require('./helpers/redis-server')
const { serve, gate } = require('./helpers/serve')
const { jsStore, storeKinds } = require('./helpers/stores')

let redis
test.before(async () => { redis = await startRedis() })
test.after.always(() => redis?.stop())

const stores = storeKinds(() => redis)

// `routes` by path; the body shows the session. `slow` waits for its gate once it has loaded the session.
const app = async (t, store, routes, options) => {
  const [loaded, go] = [gate(), gate()]
  const served = await serve(t, session({ store, ...options }), async (ctx) => {
    const name = ctx.path.slice(1)
    if (name === 'slow') {
      loaded.open()
      await go.passed
    }
    await routes[name]?.(ctx)
    ctx.body ??= JSON.stringify(ctx.session)
  })
  const start = async () => {
    const user = served.browser()
    await user.get('/begin')
    return user
  }
  // Runs `slow` on the user's session, with `between` between its load and its commit.
  const slowly = async (user, between) => {
    const answer = user.get('/slow', user.cookie)
    await loaded.passed
    await between()
    go.open()
    return answer
  }
  return { ...served, start, slowly }
}

for (const [name, makeStore] of Object.entries(stores)) {
  const routes = {
    begin: (ctx) => { ctx.session = { user: 'ann', n: 0 } },
    logout: (ctx) => { ctx.session = null },
    other: (ctx) => { ctx.session.other = 1 }
  }

  test(`a session found gone by save() stays dead at the request's end, on ${name}`, async (t) => {
    const { start, slowly, events } = await app(t, makeStore(t), {
      ...routes,
      slow: async (ctx) => {
        ctx.session.n = 1
        await ctx.sessionHandler.save()
      }
    })
    const user = await start()
    const { setCookie, body } = await slowly(user, () => user.get('/logout'))
    t.deepEqual([setCookie, events, body], [[], ['session:gone'], '{}'])
  })

  test(`what is changed after a save() that found the session gone begins a new one, on ${name}`, async (t) => {
    const { start, slowly } = await app(t, makeStore(t), {
      ...routes,
      slow: async (ctx) => {
        ctx.session.n = 1
        await ctx.sessionHandler.save()
        ctx.session.fresh = true
      }
    })
    const user = await start()
    const before = user.cookie
    await slowly(user, () => user.get('/logout'))
    t.not(user.cookie, before)
    t.is((await user.get('/')).body, '{"fresh":true}')
  })

  test(`regenerateId() and then update() writes under the new id alone, on ${name}`, async (t) => {
    const { start } = await app(t, makeStore(t), {
      ...routes,
      login: async (ctx) => {
        ctx.sessionHandler.regenerateId()
        await ctx.sessionHandler.update((session) => { session.admin = true })
        throw new Error('after the login')
      },
      relogin: async (ctx) => {
        ctx.sessionHandler.regenerateId()
        await ctx.sessionHandler.update((session) => { session.admin = true })
      }
    })
    const user = await start()
    const before = user.cookie
    t.is((await user.get('/login', before)).status, 500)
    t.is((await user.get('/', before)).body, '{}', 'the old id is not logged in, nor alive')
    const again = await start()
    const old = again.cookie
    t.is((await again.get('/relogin')).setCookie.length, 1)
    t.not(again.cookie, old)
    t.deepEqual(JSON.parse((await again.get('/')).body), { user: 'ann', n: 0, admin: true })
    t.is((await again.get('/', old)).body, '{}')
  })

  test(`a regenerated request whose session has gone may still update(): only what it adds lives on, on ${name}`, async (t) => {
    const { start, slowly } = await app(t, makeStore(t), {
      ...routes,
      slow: async (ctx) => {
        ctx.session.n = 7
        ctx.session.mine = 1
        ctx.sessionHandler.regenerateId()
        await ctx.sessionHandler.update((session) => { session.admin = true })
      }
    })
    const user = await start()
    t.is((await slowly(user, () => user.get('/logout'))).status, 200)
    t.deepEqual(JSON.parse((await user.get('/')).body), { mine: 1, admin: true })
  })

  test(`changes made while save() is under way, and merged, are not lost, on ${name}`, async (t) => {
    const { start, slowly } = await app(t, makeStore(t), {
      ...routes,
      slow: async (ctx) => {
        ctx.session.first = 1
        const saved = ctx.sessionHandler.save()
        await Promise.resolve()
        ctx.session.late = 1
        await saved
      }
    })
    const user = await start()
    await slowly(user, () => user.get('/other'))
    t.deepEqual(JSON.parse((await user.get('/')).body), { user: 'ann', n: 0, first: 1, late: 1, other: 1 })
  })

  test(`objects that the handler holds on to stay part of its session after update(), on ${name}`, async (t) => {
    const { start } = await app(t, makeStore(t), {
      begin: (ctx) => { ctx.session = { cart: { items: ['pen'] } } },
      buy: async (ctx) => {
        const { cart } = ctx.session
        await ctx.sessionHandler.update((session) => { session.n = 1 })
        cart.items.push('book')
      }
    })
    const user = await start()
    await user.get('/buy')
    t.deepEqual(JSON.parse((await user.get('/')).body), { cart: { items: ['pen', 'book'] }, n: 1 })
  })

  test(`a frozen session is saved, merged and updated, on ${name}`, async (t) => {
    const { start, slowly, errors } = await app(t, makeStore(t), {
      ...routes,
      slow: async (ctx) => {
        ctx.session = Object.freeze({ ...ctx.session, frozen: true })
        await ctx.sessionHandler.save()
        await ctx.sessionHandler.update((session) => { session.n++ })
      }
    })
    const user = await start()
    t.is((await slowly(user, () => user.get('/other'))).status, 200)
    t.deepEqual(JSON.parse((await user.get('/')).body), { user: 'ann', n: 1, other: 1, frozen: true })
    t.deepEqual(errors, [])
  })

  test(`what the handler has frozen in place is saved, updated and ended, on ${name}`, async (t) => {
    const { start, slowly, errors } = await app(t, makeStore(t), {
      ...routes,
      update: async (ctx) => {
        Object.freeze(ctx.session)
        await ctx.sessionHandler.update((session) => { session.n++ })
      },
      slow: async (ctx) => {
        Object.freeze(ctx.session)
        ctx.sessionHandler.regenerateId()
        await ctx.sessionHandler.save()
      }
    })
    const user = await start()
    t.deepEqual(JSON.parse((await user.get('/update')).body), { user: 'ann', n: 1 })
    t.is((await slowly(user, () => user.get('/logout'))).body, '{}')
    t.deepEqual(errors, [])
  })

  test(`update() that changes nothing brings what others have saved, on ${name}`, async (t) => {
    const { start, slowly } = await app(t, makeStore(t), {
      ...routes,
      slow: async (ctx) => {
        Object.freeze(ctx.session)
        await ctx.sessionHandler.update(() => {})
      }
    })
    const user = await start()
    t.deepEqual(JSON.parse((await slowly(user, () => user.get('/other'))).body), { user: 'ann', n: 0, other: 1 })
  })

  test(`what the handler has put in the session's place before update() is not lost, on ${name}`, async (t) => {
    const put = {
      assigned: (ctx) => { ctx.session = { ...ctx.session, mine: 1 } },
      cleared: (ctx) => { ctx.session = null },
      deleted: (ctx) => { delete ctx.session },
      replaced: (ctx) => {
        delete ctx.session
        ctx.session = { mine: 1 }
      }
    }
    const { start } = await app(t, makeStore(t), {
      ...routes,
      ...Object.fromEntries(Object.entries(put).map(([path, does]) => [path, async (ctx) => {
        does(ctx)
        await ctx.sessionHandler.update((draft) => { draft.added = 1 })
      }]))
    })
    const left = {}
    for (const path of Object.keys(put)) {
      const user = await start()
      await user.get(`/${path}`)
      left[path] = JSON.parse((await user.get('/')).body)
    }
    t.deepEqual(left, {
      assigned: { user: 'ann', n: 0, added: 1, mine: 1 }, cleared: { added: 1 }, deleted: { added: 1 }, replaced: { added: 1, mine: 1 }
    })
  })

  test(`what a regenerated request has assigned lives on when its session has gone before update(), on ${name}`, async (t) => {
    const { start, slowly } = await app(t, makeStore(t), {
      ...routes,
      slow: async (ctx) => {
        ctx.session = { ...ctx.session, mine: 1 }
        ctx.sessionHandler.regenerateId()
        await ctx.sessionHandler.update((draft) => { draft.added = 1 })
      }
    })
    const user = await start()
    await slowly(user, () => user.get('/logout'))
    t.deepEqual(JSON.parse((await user.get('/')).body), { mine: 1, added: 1 })
  })

  test(`what the outer handler changes is saved, however the inner session ends and whenever it comes, on ${name}`, async (t) => {
    const store = makeStore(t)
    const { browser } = await serve(t, session({ key: 'out', store }), async (ctx, next) => {
      ctx.session.n = ctx.path
      const inner = next().catch(() => {})
      if (ctx.path === '/4') ctx.session = { ...ctx.session, meanwhile: 1 } // the inner one is being loaded
      await inner
      ctx.body = JSON.stringify(ctx.session)
    }, session({ key: 'in', store }), (ctx) => {
      ctx.session.in = 1
      if (ctx.path !== '/3') return
      delete ctx.session
      throw new Error('no')
    })
    const user = browser()
    for (const path of ['/1', '/2', '/3']) t.is((await user.get(path)).body, JSON.stringify({ n: path }))
    // On memory it is loaded at once, and has what is assigned then.
    t.is((await user.get('/4')).body, JSON.stringify({ n: '/4', ...name !== 'memory' && { meanwhile: 1 } }))
  })

  test(`the attributes' function is shown what update() saves, on ${name}`, async (t) => {
    const shown = []
    const { start } = await app(t, makeStore(t), {
      ...routes,
      update: (ctx) => ctx.sessionHandler.update((session) => { session.n++ })
    }, { cookie: (ctx) => { shown.push(ctx.session?.n) } })
    const user = await start()
    await user.get('/update')
    t.deepEqual(shown, [0, 1])
  })

  test(`update() and save() in an update's function reject at once, on ${name}`, async (t) => {
    const { start } = await app(t, makeStore(t), {
      ...routes,
      nested: (ctx) => ctx.sessionHandler.update(async (session) => {
        await t.throwsAsync(ctx.sessionHandler.save(), { message: /must not call/ })
        await t.throwsAsync(ctx.sessionHandler.update(() => {}), { message: /must not call/ })
        session.done = true
      })
    })
    const user = await start()
    t.is((await user.get('/nested')).status, 200)
    t.true(JSON.parse((await user.get('/')).body).done)
  })

  test(`conflict: 'overwrite' on ${name}: the later write wins, and what is gone stays gone`, async (t) => {
    const { start, slowly, events } = await app(t, makeStore(t), {
      ...routes,
      slow: (ctx) => { ctx.session.n = 1 }
    }, { conflict: 'overwrite' })
    const user = await start()
    await slowly(user, () => user.get('/other'))
    t.is((await user.get('/')).body, '{"user":"ann","n":1}')
    const other = await app(t, makeStore(t), { ...routes, slow: (ctx) => { ctx.session.n = 1 } }, { conflict: 'overwrite' })
    const gone = await other.start()
    t.deepEqual((await other.slowly(gone, () => gone.get('/logout'))).setCookie, [])
    t.deepEqual([events, other.events], [[], ['session:gone']])
  })

  test(`adopted ids on ${name}: two first requests with one unknown id are merged`, async (t) => {
    const { browser, slowly } = await app(t, makeStore(t), { ...routes, slow: (ctx) => { ctx.session.slow = 1 } }, { adoptUnknownIds: true })
    const user = browser()
    user.cookies.set('koa:sess', 'unknown')
    await slowly(user, () => user.get('/other'))
    t.is(user.cookie, 'koa:sess=unknown')
    t.deepEqual(JSON.parse((await user.get('/')).body), { other: 1, slow: 1 })
  })
}

test('junk in the store does not keep update() from working', async (t) => {
  const client = redis.client()
  const { browser, events } = await app(t, stores.Redis(t), { add: (ctx) => ctx.sessionHandler.update((session) => { session.n = (session.n ?? 0) + 1 }) })
  const junk = { text: '{"a":', null: 'null', number: '5', string: '"x"' }
  for (const [id, text] of Object.entries(junk)) await client.set(`koa:sess:${id}`, text)
  await client.rpush('koa:sess:list', 'x')
  for (const id of [...Object.keys(junk), 'list']) {
    const user = browser()
    user.cookies.set('koa:sess', id)
    t.is((await user.get('/add')).status, 200, id)
    t.is((await user.get('/')).body, '{"n":1}', id)
    t.not(user.cookie, `koa:sess=${id}`)
  }
  t.true(events.length >= 5 && events.every((name) => name === 'session:invalid'))
})

test('middlewares that share a JavaScript store share its guarantee', async (t) => {
  const store = jsStore()
  const routes = { begin: (ctx) => { ctx.session = { n: 0 } }, other: (ctx) => { ctx.session.other = 1 }, slow: (ctx) => { ctx.session.slow = 1 } }
  const [one, two] = [await app(t, store, routes), await app(t, store, routes)]
  const user = await one.start()
  const second = two.browser()
  second.cookies = user.cookies
  await one.slowly(user, () => second.get('/other'))
  t.deepEqual(JSON.parse((await user.get('/')).body), { n: 0, other: 1, slow: 1 })
})

test('a store whose calls are each in time loses nothing, however many wait', async (t) => {
  const store = paced()
  const { start, browser } = await app(t, store, {
    begin: (ctx) => { ctx.session = { n: 0 } },
    add: (ctx) => { ctx.session[ctx.query.key] = 1 }
  }, { storeTimeoutMs: 200 })
  const user = await start()
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => browser().get(`/add?key=k${n}`, user.cookie)))
  t.deepEqual(answers.map(({ status }) => status), Array(20).fill(200))
  t.is(Object.keys(JSON.parse((await user.get('/')).body)).length, 21)
})

// A store whose calls take 30 ms each.
const paced = () => {
  const inner = jsStore()
  const late = (call) => async (...args) => {
    await new Promise((resolve) => setTimeout(resolve, 30))
    return call(...args)
  }
  return { get: late(inner.get), set: late(inner.set), destroy: late(inner.destroy) }
}

test('the time in which the event loop was blocked is not the store\'s', async (t) => {
  const inner = jsStore()
  const get = async (key) => {
    await turn() // the call's time has begun
    const answer = stat(__filename)
    block(300)
    await answer
    return inner.get(key)
  }
  const { start } = await app(t, { ...inner, get }, { begin: (ctx) => { ctx.session = { n: 0 } } }, { storeTimeoutMs: 100 })
  const user = await start()
  const { status, body } = await user.get('/')
  t.deepEqual([status, body], [200, '{"n":0}'])
})

const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

test('the inner session is not mixed up with what the outer handler saves', async (t) => {
  const [outer, inner] = [jsStore(), jsStore()]
  const { browser } = await serve(t, session({ key: 'out', store: outer }), async (ctx, next) => {
    ctx.session.out = 1
    ctx.state.outer = ctx.sessionHandler
    await next()
  }, session({ key: 'in', store: inner }), async (ctx) => {
    ctx.session.in = 1
    if (ctx.path === '/delete') {
      delete ctx.session
      await ctx.state.outer.save()
    }
    ctx.body = 'done'
  })
  const user = browser()
  await user.get('/')
  t.deepEqual([...outer.records.values(), ...inner.records.values()], ['{"out":1}', '{"in":1}'])
  await user.get('/delete')
  t.deepEqual([...outer.records.values(), ...inner.records.values()], ['{"out":1}'])
})

test('two sessions in one context are each what its own handlers make of it', async (t) => {
  const [outer, inner] = [new session.MemoryStore(), new session.MemoryStore()]
  const { browser } = await serve(t, session({ key: 'out', store: outer }), async (ctx, next) => {
    ctx.session.before = ctx.path
    await next()
    ctx.session.after = ctx.path
  }, session({ key: 'in', store: inner }), async (ctx) => {
    ctx.session.in = ctx.path
    ctx.body = 'done'
  })
  const user = browser()
  for (const path of ['/1', '/2', '/3']) {
    await user.get(path)
    t.deepEqual(outer.get(`out:${user.cookies.get('out')}`), { before: path, after: path })
    t.deepEqual(inner.get(`in:${user.cookies.get('in')}`), { in: path })
  }
})

test('an update() of the outer session leaves alone what was put in the place of the inner one', async (t) => {
  const inner = new session.MemoryStore()
  const { browser } = await serve(t, session({ key: 'out' }), async (ctx, next) => {
    const assigned = gate()
    const updated = ctx.sessionHandler.update(async (draft) => {
      await assigned.passed
      draft.n = ctx.path
    })
    ctx.state.outer = { assigned, updated }
    await next()
  }, session({ key: 'in', store: inner }), async (ctx) => {
    delete ctx.session
    ctx.session = { in: ctx.path }
    ctx.state.outer.assigned.open()
    await ctx.state.outer.updated
    ctx.body = 'done'
  })
  const user = browser()
  for (const path of ['/1', '/2', '/3']) {
    await user.get(path)
    t.deepEqual(inner.get(`in:${user.cookies.get('in')}`), { in: path })
  }
})

test('an accessor that others have defined for all contexts is not in the way', async (t) => {
  const { app, browser } = await serve(t, session(), (ctx) => {
    ctx.session.n = (ctx.session.n ?? 0) + 1
    ctx.body = String(ctx.session.n)
  })
  Object.defineProperty(app.context, 'session', { get: () => undefined })
  const user = browser()
  for (const n of ['1', '2', '3']) t.is((await user.get()).body, n)
})

test('what was assigned and then deleted reads as an empty session after save()', async (t) => {
  const { browser, errors } = await serve(t, session(), async (ctx) => {
    if (ctx.path === '/begin') ctx.session.n = 1
    else {
      ctx.session = undefined
      delete ctx.session
      await ctx.sessionHandler.save()
    }
    ctx.body = JSON.stringify(ctx.session)
  })
  const user = browser()
  t.is((await user.get('/')).body, '{}')
  await user.get('/begin')
  t.is((await user.get('/')).body, '{}')
  t.deepEqual(errors, [])
})

test('a getter that throws in the place of ctx.session fails its own request only', async (t) => {
  const { browser } = await serve(t, session(), (ctx) => {
    if (ctx.path === '/bad') Object.defineProperty(ctx, 'session', { configurable: true, get () { throw new Error('mine') } })
    else ctx.session.n = 1
    ctx.body = 'done'
  })
  const user = browser()
  t.is((await user.get('/bad')).status, 500)
  t.is((await user.get('/')).status, 200)
})

test('a save() that nobody awaits leaves no record without a cookie when the handler throws', async (t) => {
  const store = jsStore()
  const { browser, errors } = await serve(t, async (ctx, next) => {
    await next().catch(() => { ctx.body = 'caught' })
  }, session({ store }), (ctx) => {
    ctx.session.n = 1
    ctx.sessionHandler.save()
    throw new Error('after')
  })
  const { setCookie } = await browser().get('/')
  t.deepEqual([setCookie.length, store.records.size, errors], [1, 1, []])
})

test('when the headers go out while a new record is written, it is taken back', async (t) => {
  const store = jsStore()
  const { browser, events } = await serve(t, session({ store: { ...store, set: async (...args) => {
    await store.set(...args)
    sendHeaders()
  } } }), (ctx) => {
    ctx.respond = false
    ctx.session.n = 1
    sendHeaders = () => ctx.res.writeHead(200).end('sent')
  })
  let sendHeaders
  const { setCookie } = await browser().get('/')
  await new Promise(setImmediate)
  t.deepEqual([setCookie, store.records.size, events], [[], 0, ['session:unsent']])
})

test('no error tells a session id, session data or a password', async (t) => {
  const renamed = await startRedis({ args: ['--rename-command', 'SET', '""'] })
  t.teardown(() => renamed.stop())
  const store = new session.RedisStore({ url: renamed.url })
  t.teardown(() => store.close())
  const { browser, errors } = await app(t, store, { begin: (ctx) => { ctx.session.secret = 'TOPSECRET' } })
  t.is((await browser().get('/begin')).status, 503)
  t.regex(errors[0].message, /unknown command 'SET'/)
  t.notRegex(inspect(errors), /TOPSECRET|koa:sess/)
  const url = 'redis://:hunter2@host'
  for (const make of [
    () => new session.RedisStore(url), () => session({ store: url }), () => new session.RedisStore({ sentinel: url }),
    () => new session.RedisStore({ db: url }), () => new session.RedisStore({ cluster: url }), () => new session.RedisStore({ url: `${url}:port` }),
    () => new session.RedisStore({ password: 7777, host: 7 }), () => new session.RedisStore({ tls: { ca: url } })
  ]) t.notRegex(inspect(t.throws(make, { code: 'ERR_SESSION_OPTION' })), /hunter2|7777/)
})

test('onStoreError is told, and may go on with an anonymous session', async (t) => {
  const listener = net.createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address()
  listener.close()
  const told = []
  const store = new session.RedisStore({ host: '127.0.0.1', port })
  t.teardown(() => store.close())
  const { browser, errors } = await app(t, store, { begin: (ctx) => { ctx.session.n = 1 } }, {
    onStoreError: (error, operation, ctx) => {
      told.push([error.code, operation, ctx.path])
      return 'anonymous'
    }
  })
  const user = browser()
  user.cookies.set('koa:sess', 'known')
  const { status, setCookie, body } = await user.get('/begin')
  t.deepEqual([status, setCookie, body], [200, [], '{"n":1}'])
  user.cookies.clear()
  t.is((await user.get('/begin')).status, 503)
  t.deepEqual(told, [['ERR_SESSION_STORE', 'load', '/begin'], ['ERR_SESSION_STORE', 'commit', '/begin']])
  t.is(errors.length, 1)
})
