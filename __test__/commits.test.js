'use strict'

// How the commits of requests that run at the same time, or of one that saves more than once, meet.

const test = require('ava')
const session = require('..')
const { app } = require('./helpers/app')
const { ownRedis } = require('./helpers/own-redis')
const { serve } = require('./helpers/serve')
const { jsStore, storeKinds } = require('./helpers/stores')

const stores = storeKinds(ownRedis)

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

test("a jar of the application's may add to the attributes that it is given", async (t) => {
  const addLax = (ctx, next) => {
    const { cookies } = ctx
    const set = cookies.set.bind(cookies)
    cookies.set = (name, value, attributes) => set(name, value, Object.assign(attributes, { sameSite: 'lax' }))
    return next()
  }
  const { browser } = await serve(t, addLax, session(), (ctx) => {
    ctx.session = ctx.path === '/logout' ? null : { path: ctx.path }
    ctx.body = 'ok'
  })
  const user = browser()
  for (const path of ['/login', '/change', '/logout']) {
    const { status, setCookie } = await user.get(path)
    t.deepEqual([status, setCookie.length], [200, 1], path)
    t.regex(setCookie[0], /; samesite=lax/, path)
  }
})
