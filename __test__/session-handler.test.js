'use strict'

const test = require('ava')
const { execFile } = require('node:child_process')
const { promisify } = require('node:util')
const session = require('..')
const { app } = require('./helpers/app')
const { ownRedis } = require('./helpers/own-redis')
const { serve, gate } = require('./helpers/serve')
const { jsStore, storeKinds } = require('./helpers/stores')

const stores = storeKinds(ownRedis)

for (const [name, makeStore] of Object.entries(stores)) {
  test(`update() on ${name}: 50 parallel increments give 50`, async (t) => {
    const { start } = await app(t, makeStore(t), {
      begin: (ctx) => { ctx.session.n = 0 },
      add: (ctx) => ctx.sessionHandler.update((session) => { session.n++ })
    })
    const user = await start('/begin')
    await Promise.all(Array.from({ length: 50 }, () => user.get('/add', user.cookie)))
    t.is((await user.get()).body, '{"n":50}')
  })

  test(`update() on ${name} sees the freshest session, and re-applies what the request had changed`, async (t) => {
    const [loaded, changed] = [gate(), gate()]
    const { start } = await app(t, makeStore(t), {
      begin: (ctx) => { ctx.session = { n: 0, o: { a: 1 } } },
      slow: async (ctx) => {
        const held = ctx.session
        held.o.mine = 1
        loaded.open()
        await changed.passed
        let seen
        await ctx.sessionHandler.update(async (session) => {
          seen = JSON.stringify(session)
          session.n++
        })
        ctx.body = JSON.stringify({ seen, now: ctx.session, same: held === ctx.session })
      },
      quick: (ctx) => {
        ctx.session.n = 5
        ctx.session.o.theirs = 1
      }
    })
    const user = await start('/begin')
    const slow = user.get('/slow')
    await loaded.passed
    await user.get('/quick')
    changed.open()
    t.deepEqual(JSON.parse((await slow).body), {
      seen: '{"n":5,"o":{"a":1,"theirs":1}}',
      now: { n: 6, o: { a: 1, theirs: 1, mine: 1 } },
      same: true
    })
    t.deepEqual(JSON.parse((await user.get()).body), { n: 6, o: { a: 1, theirs: 1, mine: 1 } })
  })

  test(`update() on ${name} takes the place of a session with members that are fixed`, async (t) => {
    const { start, errors } = await app(t, makeStore(t), {
      begin: (ctx) => { ctx.session = { a: 1, b: 1 } },
      fixed: async (ctx) => {
        for (const name of ['a', 'b']) Object.defineProperty(ctx.session, name, { configurable: false, writable: false })
        await ctx.sessionHandler.update((session) => {
          session.a = 2
          delete session.b
        })
      }
    })
    const user = await start()
    t.deepEqual([(await user.get('/fixed')).body, (await user.get('/')).body, errors], ['{"a":2}', '{"a":2}', []])
  })

  test(`update() on ${name} creates, replaces and destroys`, async (t) => {
    const { browser } = await app(t, makeStore(t), {
      create: (ctx) => ctx.sessionHandler.update((session) => { session.made = true }),
      replace: (ctx) => ctx.sessionHandler.update(() => ({ other: 1 })),
      nothing: (ctx) => ctx.sessionHandler.update(() => {}),
      destroy: (ctx) => ctx.sessionHandler.update(() => null)
    })
    const user = browser()
    t.deepEqual((await user.get('/nothing')).setCookie, [])
    t.is((await user.get('/create')).setCookie.length, 1)
    t.is((await user.get()).body, '{"made":true}')
    await user.get('/replace')
    t.is((await user.get()).body, '{"other":1}')
    t.deepEqual((await user.get('/nothing')).setCookie, [])
    const { setCookie: [line] } = await user.get('/destroy')
    t.regex(line, /^koa:sess=; .*expires=Thu, 01 Jan 1970/)
    t.is((await user.get()).body, '{}')
  })

  test(`update() on ${name} of a session that is gone rejects`, async (t) => {
    const [loaded, ended] = [gate(), gate()]
    const { start, errors } = await app(t, makeStore(t), {
      begin: (ctx) => { ctx.session.n = 0 },
      logout: (ctx) => { ctx.session = null },
      slow: async (ctx) => {
        loaded.open()
        await ended.passed
        await ctx.sessionHandler.update((session) => { session.n++ })
      }
    })
    const user = await start('/begin')
    const slow = user.get('/slow', user.cookie)
    await loaded.passed
    await user.get('/logout')
    ended.open()
    const { status, setCookie } = await slow
    t.deepEqual([status, setCookie, errors.map(({ code }) => code)], [409, [], ['ERR_SESSION_GONE']])
  })

  test(`save() on ${name} commits before the response, and later changes are committed at its end`, async (t) => {
    const [saved, end] = [gate(), gate()]
    const { start } = await app(t, makeStore(t), {
      begin: (ctx) => { ctx.session.n = 0 },
      slow: async (ctx) => {
        ctx.session.n = 1
        await ctx.sessionHandler.save()
        saved.open()
        await end.passed
        ctx.session.late = true
      },
      other: (ctx) => { ctx.session.other = true }
    })
    const user = await start('/begin')
    const slow = user.get('/slow', user.cookie)
    await saved.passed
    t.is((await user.get()).body, '{"n":1}')
    await user.get('/other')
    end.open()
    await slow
    t.deepEqual(JSON.parse((await user.get()).body), { n: 1, other: true, late: true })
  })

  // Those of the JavaScript store may be the store's own, for all that is known of it.
  if (name !== 'JavaScript') {
    test(`what a handler does to the session that it holds, after that has ended on ${name}, begins a new one`, async (t) => {
      let loaded, changed
      const afterLogout = (work) => async (ctx) => {
        const held = ctx.session
        held.a = 1
        loaded.open()
        await changed.passed
        await work(ctx)
        held.late = true
      }
      const { start } = await app(t, makeStore(t), {
        begin: (ctx) => { ctx.session = { user: 'bob' } },
        logout: (ctx) => { ctx.session = null },
        destroyed: async (ctx) => {
          const held = ctx.session
          await ctx.sessionHandler.update(() => null)
          t.deepEqual(held, {})
          held.late = true
        },
        emptied: async (ctx) => {
          const held = ctx.session
          delete held.user
          await ctx.sessionHandler.save()
          held.late = true
        },
        gone: afterLogout((ctx) => ctx.sessionHandler.save()),
        regenerated: afterLogout((ctx) => {
          ctx.sessionHandler.regenerateId()
          return ctx.sessionHandler.update((session) => { session.n = 1 })
        })
      })
      for (const [path, stored] of Object.entries({ destroyed: {}, emptied: {}, gone: {}, regenerated: { a: 1, n: 1 } })) {
        ;[loaded, changed] = [gate(), gate()]
        const user = await start()
        const answer = user.get(`/${path}`, user.cookie)
        if (path === 'gone' || path === 'regenerated') {
          await loaded.passed
          await user.get('/logout', user.cookie)
          changed.open()
        }
        await answer
        t.deepEqual(JSON.parse((await user.get('/')).body), { ...stored, late: true }, path)
      }
    })
  }

  test(`save() on ${name} keeps what others have saved, and the object that the handler holds`, async (t) => {
    const [loaded, changed] = [gate(), gate()]
    const { start } = await app(t, makeStore(t), {
      begin: (ctx) => { ctx.session = { a: 1, gone: 1 } },
      slow: async (ctx) => {
        const held = ctx.session
        loaded.open()
        await changed.passed
        held.mine = 1
        await ctx.sessionHandler.save()
        held.late = 1
        ctx.body = JSON.stringify(held === ctx.session)
      },
      quick: (ctx) => {
        ctx.session.theirs = 1
        delete ctx.session.gone
      }
    })
    const user = await start('/begin')
    const slow = user.get('/slow')
    await loaded.passed
    await user.get('/quick')
    changed.open()
    t.is((await slow).body, 'true')
    t.deepEqual(JSON.parse((await user.get()).body), { a: 1, theirs: 1, mine: 1, late: 1 })
  })

  test(`regenerate, then save() on ${name} gives one new id`, async (t) => {
    const { start } = await app(t, makeStore(t), {
      begin: (ctx) => { ctx.session.n = 0 },
      login: async (ctx) => {
        ctx.sessionHandler.regenerateId()
        await ctx.sessionHandler.save()
        ctx.session.user = 1
      }
    })
    const user = await start('/begin')
    const before = user.cookie
    t.is((await user.get('/login')).setCookie.length, 1)
    t.not(user.cookie, before)
    t.is((await user.get()).body, '{"n":0,"user":1}')
    t.is((await user.get('/', before)).body, '{}')
  })

  test(`after the headers are sent on ${name} an existing session is saved or ended, and a new one is not created`, async (t) => {
    const afterHeaders = (change) => (ctx) => {
      ctx.respond = false
      ctx.res.writeHead(200).flushHeaders()
      change(ctx)
    }
    const { browser, errors, events } = await serve(t, async (ctx, next) => {
      await next()
      if (ctx.respond === false) ctx.res.end()
    }, session({ store: makeStore(t) }), (ctx) => ({
      '/': () => { ctx.body = JSON.stringify(ctx.session) },
      '/begin': () => { ctx.session.n = 0 },
      '/late': afterHeaders(() => { ctx.session.late = 1 }),
      '/login': afterHeaders(() => {
        ctx.session.user = 1
        ctx.sessionHandler.regenerateId()
      }),
      '/logout': afterHeaders(() => { ctx.session = null })
    })[ctx.path](ctx))
    const user = browser()
    await user.get('/late')
    t.deepEqual([user.cookie, events], ['', ['session:unsent']])
    await user.get('/begin')
    await user.get('/late')
    t.is((await user.get()).body, '{"n":0,"late":1}')
    await user.get('/login')
    t.is((await user.get()).body, '{"n":0,"late":1}')
    t.is(events.length, 2)
    await user.get('/logout')
    t.is((await user.get()).body, '{}')
    t.deepEqual(errors, [])
  })
}

test('update() takes a function', async (t) => {
  const { browser, errors } = await app(t, jsStore(), { bad: (ctx) => ctx.sessionHandler.update({}) })
  t.is((await browser().get('/bad')).status, 500)
  t.regex(errors[0].message, /takes a function, got object/)
})

test('a save() that fails tells its caller, and the end of the request tries again', async (t) => {
  const store = jsStore()
  let failing = true
  const { browser, errors } = await app(t, { ...store, set: (...args) => failing ? Promise.reject(new Error('down')) : store.set(...args) }, {
    save: async (ctx) => {
      ctx.session.a = 1
      await t.throwsAsync(ctx.sessionHandler.save(), { message: 'down' })
      failing = false
    }
  })
  t.is((await browser().get('/save')).setCookie.length, 1)
  t.deepEqual([...store.records.values()], ['{"a":1}'])
  t.deepEqual(errors, [])
})

test('a save() that nobody awaits is not lost and crashes nothing', async (t) => {
  const { browser, errors } = await app(t, { ...jsStore(), set: () => Promise.reject(new Error('down')) }, {
    save: (ctx) => {
      ctx.session.a = 1
      ctx.sessionHandler.save()
    }
  })
  const { status, setCookie } = await browser().get('/save')
  t.deepEqual([status, setCookie, errors.map(({ message }) => message)], [500, [], ['down']])
})

test('50 parallel increments from two processes on Redis give 50', async (t) => {
  const { start, url } = await app(t, stores.Redis(t), {
    begin: (ctx) => { ctx.session.n = 0 },
    add: (ctx) => ctx.sessionHandler.update((session) => { session.n++ })
  })
  const user = await start('/begin')
  const child = promisify(execFile)(process.execPath, [require.resolve('./helpers/increment'), ownRedis().url, user.cookie, '25'])
  await Promise.all([child, ...Array.from({ length: 25 }, () => user.get('/add', user.cookie))])
  t.is((await user.get()).body, '{"n":50}')
  t.truthy(url)
})
