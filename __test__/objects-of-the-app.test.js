'use strict'

// What a handler puts into a session, or takes out of it, may be the application's: nothing that becomes of the session
// changes such an object.

const test = require('ava')
const { app } = require('./helpers/app')
const { ownRedis } = require('./helpers/own-redis')
const { storeKinds } = require('./helpers/stores')

// As koa-session-minimal's own.
const keepsObjects = () => {
  const records = new Map()
  return {
    get: (key) => records.get(key),
    set: (key, value) => { records.set(key, value) },
    destroy: (key) => { records.delete(key) }
  }
}

const stores = { ...storeKinds(ownRedis), 'JavaScript that keeps objects': keepsObjects }

for (const [name, makeStore] of Object.entries(stores)) {
  const routes = {
    begin: (ctx) => { ctx.session = { user: 'ann', cart: [1] } },
    logout: (ctx) => { ctx.session = null },
    login: (ctx) => { ctx.sessionHandler.regenerateId() }
  }

  test(`what was assigned is whole after its session has ended, on ${name}`, async (t) => {
    const user = { name: 'ann', roles: ['admin'] }
    const { start, slowly, events } = await app(t, makeStore(t), { ...routes, slow: (ctx) => { ctx.session = user } })
    const ann = await start()
    await slowly(ann, () => ann.get('/logout', ann.cookie))
    t.deepEqual([user, events], [{ name: 'ann', roles: ['admin'] }, ['session:gone']])
  })

  test(`a body that is the session is whole though the session has ended, on ${name}`, async (t) => {
    const { start, slowly } = await app(t, makeStore(t), {
      ...routes,
      slow: (ctx) => {
        ctx.session.user = 'bob'
        ctx.body = ctx.session
      }
    })
    const user = await start()
    const { body } = await slowly(user, () => user.get('/logout', user.cookie))
    t.deepEqual(JSON.parse(body), { user: 'bob', cart: [1] })
  })

  for (const [when, save] of Object.entries({ 'at its end': () => {}, 'before its end': (ctx) => ctx.sessionHandler.save() })) {
    test(`the session of a new id is whole after a request on the old one that saves ${when}, on ${name}`, async (t) => {
      const { start, slowly, events } = await app(t, makeStore(t), {
        ...routes,
        slow: (ctx) => {
          ctx.session.seen = true
          return save(ctx)
        }
      })
      const user = await start()
      await slowly(user, () => user.get('/login', user.cookie))
      const { user: name, cart } = JSON.parse((await user.get('/')).body)
      t.deepEqual([name, cart, events], ['ann', [1], ['session:gone']])
    })
  }

  test(`update() changes nothing that was put into the session, on ${name}`, async (t) => {
    const describe = () => 'the defaults'
    const prefs = { theme: 'light', lists: [[1]], describe }
    const whole = { prefs }
    const { start, browser } = await app(t, makeStore(t), {
      ...routes,
      inside: async (ctx) => {
        ctx.session.prefs = prefs
        await ctx.sessionHandler.update((session) => {
          session.prefs = { ...session.prefs, email: 'ann@x', lists: [[2], []] }
        })
      },
      outside: async (ctx) => {
        ctx.session = whole
        await ctx.sessionHandler.update((session) => { session.email = 'ann@x' })
      },
      defaults: (ctx) => { ctx.session.prefs = prefs }
    })
    const user = await start()
    t.is(JSON.parse((await user.get('/inside')).body).prefs.email, 'ann@x')
    t.is(JSON.parse((await user.get('/outside')).body).email, 'ann@x')
    t.is(JSON.parse((await user.get('/')).body).email, 'ann@x')
    t.deepEqual(whole, { prefs: { theme: 'light', lists: [[1]], describe } })
    t.deepEqual(JSON.parse((await browser().get('/defaults')).body), { prefs: { theme: 'light', lists: [[1]] } })
  })
}
