'use strict'

// A store that others have made, on its real database, under our session(): what a browser sees, and what is stored.

const test = require('ava')

const session = require('../..')
const { serve, gate } = require('../helpers/serve')

const CROWD = 5
const DEEP = { list: [1, { zoë: '🍵' }], on: true, off: null, text: `"'\\;--` }

/** `/together` answers when a whole crowd has come there, `/hold` when it is let go. */
function handlers ({ held, free }) {
  let here = 0
  const all = gate()
  return {
    '/' () {},
    '/count' (ctx) { ctx.session.count = (ctx.session.count ?? 0) + 1 },
    '/deep' (ctx) { ctx.session.deep = DEEP },
    '/login' (ctx) { ctx.sessionHandler.regenerateId() },
    '/logout' (ctx) { ctx.session = null },
    '/update': (ctx) => ctx.sessionHandler.update((fresh) => { fresh.count++ }),
    async '/together' (ctx) {
      Object.assign(ctx.session, ctx.query)
      if (++here === CROWD) all.open()
      await all.passed
    },
    async '/hold' (ctx) {
      ctx.session.late = true
      held.open()
      await free.passed
    }
  }
}

/**
 * Registers the tests. `open()` starts the database and gives, where it is installed:
 *
 * - `store`
 * - `read(key)`: what the database holds under a key, and `count()`: how many records it has
 * - `mark(key)`: gives the record an end that no write would, and `marked(key)`: does it have it still?
 * - `close()`
 */
function suite (open) {
  let opened

  test.before(async (t) => {
    t.timeout(60000)
    opened = await open()
    if (opened === undefined) t.log('its database is not installed here: nothing is tested')
  })

  test.after.always(async () => {
    await opened?.close()
    const { registerCompletionHandler } = await import('ava')
    registerCompletionHandler(() => process.exit()) // some keep timers that nobody can stop
  })

  const scenario = (what, run) => test.serial(what, async (t) => {
    if (opened === undefined) return t.pass()
    const gates = { held: gate(), free: gate() }
    const routes = handlers(gates)
    const { browser, errors, events } = await serve(t, session({ store: opened.store }), async (ctx) => {
      await routes[ctx.path](ctx)
      ctx.body = ctx.session
    })
    const user = browser()
    const key = () => user.cookie.replace('=', ':')
    const json = async (path) => JSON.parse((await user.get(path)).body)
    await run(t, user, { ...opened, ...gates, events, key, json })
    return t.deepEqual(errors, [])
  })

  scenario('a visit stores nothing, a change makes a record and a cookie', async (t, user, { count, read, key }) => {
    const before = await count()
    t.deepEqual((await user.get()).setCookie, [])
    t.is(await count(), before)
    t.is((await user.get('/count')).setCookie.length, 1)
    t.is(await count(), before + 1)
    t.deepEqual(await read(key()), { count: 1 })
  })

  scenario('what was stored is read, and changed', async (t, user, { json, read, key }) => {
    await user.get('/count')
    t.deepEqual(await json('/'), { count: 1 })
    t.deepEqual(await json('/count'), { count: 2 })
    t.deepEqual(await read(key()), { count: 2 })
    await user.get('/deep')
    t.deepEqual(await json('/'), { count: 2, deep: DEEP })
    t.deepEqual(await read(key()), { count: 2, deep: DEEP })
  })

  scenario('what is not changed is not written', async (t, user, { mark, marked, key }) => {
    await user.get('/deep')
    await mark(key())
    t.deepEqual((await user.get()).setCookie, [])
    t.deepEqual((await user.get('/deep')).setCookie, [], 'the same again is no change')
    t.true(await marked(key()))
    t.is((await user.get('/count')).setCookie.length, 1)
    t.false(await marked(key()))
  })

  scenario('a login moves the session to a new id', async (t, user, { read, count, key, json }) => {
    await user.get('/count')
    const [old, before] = [user.cookie, await count()]
    t.deepEqual(await json('/login'), { count: 1 })
    t.not(user.cookie, old)
    t.deepEqual(await read(key()), { count: 1 })
    t.is(await count(), before)
    t.is((await user.get('/', old)).body, '{}')
  })

  scenario('a logout removes record and cookie, and the old cookie leads nowhere', async (t, user, { read, key }) => {
    await user.get('/count')
    const [cookie, gone] = [user.cookie, key()]
    await user.get('/logout')
    t.is(user.cookie, '')
    t.falsy(await read(gone))
    t.is((await user.get('/', cookie)).body, '{}')
  })

  scenario('requests side by side keep what each has changed', async (t, user, { read, key }) => {
    await user.get('/count')
    const names = Array.from({ length: CROWD }, (_, n) => `key${n}`)
    await Promise.all(names.map((name) => user.get(`/together?${name}=kept`)))
    t.deepEqual(await read(key()), { count: 1, ...Object.fromEntries(names.map((name) => [name, 'kept'])) })
    await Promise.all(names.map(() => user.get('/update')))
    t.is((await read(key())).count, 1 + CROWD)
  })

  scenario('a session that was destroyed under a request is not written again', async (t, user, { read, key, held, free, events }) => {
    await user.get('/count')
    const [cookie, gone] = [user.cookie, key()]
    const late = user.get('/hold')
    await held.passed
    await user.get('/logout', cookie)
    free.open()
    t.deepEqual((await late).setCookie, [])
    t.falsy(await read(gone))
    t.deepEqual(events, ['session:gone'])
  })
}

module.exports = { suite }
