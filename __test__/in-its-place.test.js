'use strict'

// What handlers, other middlewares and a second session put in the place of ctx.session.

const test = require('ava')
const session = require('..')
const { app } = require('./helpers/app')
const { ownRedis } = require('./helpers/own-redis')
const { serve, gate } = require('./helpers/serve')
const { jsStore, storeKinds } = require('./helpers/stores')

const stores = storeKinds(ownRedis)

for (const [name, makeStore] of Object.entries(stores)) {
  const routes = {
    begin: (ctx) => { ctx.session = { user: 'ann', n: 0 } },
    logout: (ctx) => { ctx.session = null }
  }

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
}

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
