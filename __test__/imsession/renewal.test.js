'use strict'

// Sessions whose time runs out get a new id, exactly one, and the old id leads to it for a while.

const test = require('ava')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { createInterface } = require('node:readline')
const { TTL_MS } = require('../../lib/imsession')
const { gate } = require('../helpers/serve')
const { DAY, HEX_ID, HOUR, idOf, koas, setUp, start } = require('./setup')

const { kinds, redis, client } = setUp(test)
const { JavaScript: untold, ...telling } = kinds // it cannot say what is left of a record

const SIZE = 20

const routes = {
  login: (ctx) => { ctx.session = { user: 'ada' } },
  update: (ctx) => { ctx.session = { ...ctx.session, updated: true } },
  renew: (ctx) => { ctx.session = true },
  logout: (ctx) => { ctx.session = null }
}

// An app, and a user whose session is due.
const due = async (t, { kind, ...options }, more) => {
  const store = kind.make(t)
  const served = await start(t, { store, ...options }, { ...routes, ...more })
  const user = await served.user('/login')
  const old = user.cookie
  await kind.age(store, idOf(user))
  return { ...served, store, user, old, oldId: idOf(user) }
}

// A route that waits, its session loaded, until it is let go or as many as `count` have come.
const meeting = (count, change = () => {}) => {
  const [met, go] = [gate(), gate()]
  let come = 0
  const route = async (ctx) => {
    const session = JSON.stringify(ctx.session)
    if (++come === count) met.open()
    await go.passed
    await change(ctx)
    ctx.body = session
  }
  return Object.assign(route, { met: met.passed, go: go.open })
}

const all = (count, request) => Promise.all(Array.from({ length: count }, (_, n) => request(n)))

for (const [koa, Koa] of Object.entries(koas)) {
  for (const kind of Object.values(telling)) {
    const where = `${kind.name}, ${koa}`

    test(`${where}: a loaded session with less than a third of maxAge left gets a new id and a fresh expiry`, async (t) => {
      const { store, user, old, oldId, browser } = await due(t, { Koa, kind })
      const { body, setCookie } = await user.get()
      t.deepEqual([body, setCookie.length], ['{"user":"ada"}', 1])
      t.regex(idOf(user), HEX_ID)
      t.not(idOf(user), oldId)
      t.falsy(await store.get(oldId))
      t.is(JSON.stringify(await store.get(idOf(user))), '{"user":"ada"}', 'the data alone')
      t.deepEqual((await user.get()).setCookie, [], 'once')

      const late = browser()
      t.is((await late.get('/', old)).body, '{"user":"ada"}', 'the old id leads to it')
      t.is(late.cookie, user.cookie, 'and its cookie is sent again')
    })

    test(`${where}: a session that has more time left keeps its id`, async (t) => {
      const { user: logIn } = await start(t, { Koa, store: kind.make(t) }, routes)
      const user = await logIn('/login')
      t.deepEqual((await user.get()).setCookie, [])
    })

    test(`${where}: what a request assigns is saved under the new id`, async (t) => {
      const { user, old } = await due(t, { Koa, kind })
      t.is((await user.get('/update')).setCookie.length, 1)
      t.not(user.cookie, old)
      const expected = '{"user":"ada","updated":true}'
      t.is((await user.get()).body, expected)
      t.is((await user.get('/', old)).body, expected)
    })

    test(`${where}: renewed although the handler throws`, async (t) => {
      const { user, old } = await due(t, { Koa, kind }, { fail: () => { throw new Error('handler') } })
      const { status, setCookie } = await user.get('/fail')
      t.deepEqual([status, setCookie.length], [500, 1])
      t.not(user.cookie, old)
      t.is((await user.get()).body, '{"user":"ada"}')
    })

    test(`${where}: once the headers are sent it keeps its id, for no cookie can tell a new one`, async (t) => {
      const flushed = (change) => (ctx) => {
        ctx.body = 'streamed'
        ctx.flushHeaders()
        change(ctx)
      }
      const { store, user, oldId } = await due(t, { Koa, kind }, { read: flushed(() => {}), late: flushed(routes.update) })
      await user.get('/read')
      t.is(JSON.stringify(await store.get(oldId)), '{"user":"ada"}')
      await user.get('/late')
      t.is(JSON.stringify(await store.get(oldId)), '{"user":"ada","updated":true}')
      t.is(idOf(user), oldId)
    })

    test(`${where}: a storm of ${SIZE} parallel reads gives one new id, and every request has its session`, async (t) => {
      const read = meeting(SIZE)
      const { store, browser, old, oldId } = await due(t, { Koa, kind }, { read })
      const users = Array.from({ length: SIZE }, browser)
      const answers = all(SIZE, (n) => users[n].get('/read', old))
      await read.met // each has loaded the old record
      read.go()
      for (const { status, body, setCookie } of await answers) {
        t.deepEqual([status, body, setCookie.length], [200, '{"user":"ada"}', 1])
      }
      const ids = new Set(users.map((user) => idOf(user)))
      t.is(ids.size, 1)
      const [id] = ids
      t.not(id, oldId)
      if (kind.ids) t.deepEqual(await kind.ids(store), [id], 'no other record is left')
      t.is((await users[0].get()).body, '{"user":"ada"}')

      const late = await all(SIZE, () => browser().get('/', old))
      t.true(late.every(({ body, setCookie: [line] }) => body === '{"user":"ada"}' && line.startsWith(`connsid=${id};`)))

      await users[0].get('/logout')
      t.is((await users[1].get()).body, 'null', 'logging out one logs out all')
      t.is((await browser().get('/', old)).body, 'null')
    })

    test(`${where}: in a storm of ${SIZE} parallel writes nothing is lost`, async (t) => {
      const write = meeting(SIZE, (ctx) => { ctx.session = { ...ctx.session, [ctx.query.n]: true } })
      const { store, browser, old } = await due(t, { Koa, kind }, { write })
      const users = Array.from({ length: SIZE }, browser)
      const answers = all(SIZE, (n) => users[n].get(`/write?n=n${n}`, old))
      await write.met
      write.go()
      await answers
      t.is(new Set(users.map(({ cookie }) => cookie)).size, 1)
      if (kind.ids) t.is((await kind.ids(store)).length, 1)
      t.is(Object.keys(JSON.parse((await users[0].get()).body)).length, 1 + SIZE)
    })

    test(`${where}: commits through the old id arrive, from before and after the renewal`, async (t) => {
      const write = meeting(1, (ctx) => { ctx.session = { ...ctx.session, early: true } })
      const { user, browser, old, events } = await due(t, { Koa, kind }, { write })
      const early = browser()
      const answer = early.get('/write', old)
      await write.met
      await user.get()
      write.go()
      await answer
      t.is(early.cookie, user.cookie)
      const late = browser()
      await late.get('/update', old)
      t.is(late.cookie, user.cookie)
      t.deepEqual(JSON.parse((await user.get()).body), { user: 'ada', early: true, updated: true })
      t.deepEqual(events, [])
    })

    for (const [which, byOld] of [['old', true], ['new', false]]) {
      test(`${where}: destroying the ${which} id kills both`, async (t) => {
        const { store, user, browser, old } = await due(t, { Koa, kind })
        await user.get()
        const { cookie } = user
        const { setCookie } = await browser().get('/logout', byOld ? old : cookie)
        t.regex(setCookie[0], /^connsid=;/)
        t.is((await user.get('/', cookie)).body, 'null')
        t.is((await user.get('/', old)).body, 'null')
        if (kind.ids) t.deepEqual(await kind.ids(store), [])
      })
    }

    test(`${where}: a logout that had loaded the session before it was renewed kills both`, async (t) => {
      const end = meeting(1, (ctx) => { ctx.session = null })
      const { user, browser, old } = await due(t, { Koa, kind }, { end })
      const answer = browser().get('/end', old)
      await end.met
      await user.get()
      end.go()
      t.regex((await answer).setCookie[0], /^connsid=;/)
      t.is((await user.get()).body, 'null')
      t.is((await user.get('/', old)).body, 'null')
    })

    test(`${where}: a renewal that comes after a logout makes no session`, async (t) => {
      const read = meeting(1)
      const { store, user, browser, old, events } = await due(t, { Koa, kind }, { read })
      const late = browser()
      const answer = late.get('/read', old)
      await read.met
      await user.get('/logout')
      read.go()
      t.deepEqual((await answer).setCookie, [])
      t.deepEqual(events, ['session:gone'])
      t.is((await user.get('/', old)).body, 'null')
      if (kind.ids) t.deepEqual(await kind.ids(store), [])
    })

    test(`${where}: nor does one that comes after a renewal and a logout`, async (t) => {
      const read = meeting(1)
      const { store, user, browser, old } = await due(t, { Koa, kind }, { read })
      const late = browser()
      const answer = late.get('/read', old)
      await read.met
      await user.get()
      const { cookie } = user
      await user.get('/logout')
      read.go()
      await answer
      for (const each of [old, cookie, late.cookie]) t.is((await browser().get('/', each)).body, 'null')
      if (kind.ids) t.deepEqual(await kind.ids(store), [])
    })

    test(`${where}: = true through the old id moves the session once more, and both are dead`, async (t) => {
      const { user, browser, old } = await due(t, { Koa, kind })
      await user.get()
      const renewed = user.cookie
      const late = browser()
      await late.get('/renew', old)
      t.regex(idOf(late), HEX_ID)
      t.is((await late.get()).body, '{"user":"ada"}')
      for (const dead of [old, renewed]) t.is((await browser().get('/', dead)).body, 'null')
    })

    test(`${where}: a renewal that comes after another one's session was destroyed is told so`, async (t) => {
      const late = meeting(1)
      const { user, browser, old, events } = await due(t, { Koa, kind }, { late, logout: (ctx) => { ctx.session = null } })
      const slow = browser()
      const answer = slow.get('/late', old)
      await late.met
      await user.get()
      await user.get('/logout')
      late.go()
      t.deepEqual([(await answer).setCookie, events], [[], ['session:gone']])
    })

    test(`${where}: = true of a request that had loaded the session before it was renewed moves it too`, async (t) => {
      const renew = meeting(1, (ctx) => { ctx.session = true })
      const { user, browser, old } = await due(t, { Koa, kind }, { again: renew })
      const late = browser()
      const answer = late.get('/again', old)
      await renew.met
      await user.get()
      const renewed = user.cookie
      renew.go()
      await answer
      t.is((await late.get()).body, '{"user":"ada"}')
      t.not(late.cookie, renewed)
      for (const dead of [old, renewed]) t.is((await browser().get('/', dead)).body, 'null')
    })
  }

  for (const kind of Object.values(kinds)) {
    const where = `${kind.name}, ${koa}`

    test(`${where}: regenerateGraceMs lets the old id lead to the new for a while after = true`, async (t) => {
      const { user: logIn, browser } = await start(t, { Koa, store: kind.make(t), regenerateGraceMs: HOUR }, routes)
      const user = await logIn('/login')
      const old = user.cookie
      await user.get('/renew')
      t.not(user.cookie, old)
      const late = browser()
      t.is((await late.get('/', old)).body, '{"user":"ada"}')
      t.is(late.cookie, user.cookie)
      await late.get('/update', old)
      t.is((await user.get()).body, '{"user":"ada","updated":true}')
      await late.get('/logout', old)
      t.is((await user.get()).body, 'null')
    })

    test(`${where}: and then no longer`, async (t) => {
      const { user: logIn, browser } = await start(t, { Koa, store: kind.make(t), regenerateGraceMs: 10 }, routes)
      const user = await logIn('/login')
      const old = user.cookie
      await user.get('/renew')
      while ((await browser().get('/', old)).body !== 'null'); // ava's timeout ends it if it never ends
      t.is((await user.get()).body, '{"user":"ada"}', 'the session lives on')
    })
  }
}

test('less than a third: to the millisecond', async (t) => {
  const kind = telling['JavaScript with TTL_MS']
  const store = kind.make(t)
  const { user: logIn } = await start(t, { store, cookie: { maxAge: 30000 } }, routes)
  const user = await logIn('/login')
  store.records.get(idOf(user)).ttl = 10000
  t.deepEqual((await user.get()).setCookie, [])
  store.records.get(idOf(user)).ttl = 9999
  t.is((await user.get()).setCookie.length, 1)
  t.is(store.records.get(idOf(user)).ttl, 40000, 'a fresh expiry')
})

test('a JavaScript store that tells no TTL_MS has its sessions not renewed', async (t) => {
  const { user, old } = await due(t, { kind: untold })
  t.deepEqual((await user.get()).setCookie, [])
  t.is(user.cookie, old)
})

// As in koa-imsession's README.
test('a Redis store that a user has written, TTL_MS included, works', async (t) => {
  class RedisSessionStore {
    constructor (client) {
      this.client = client
    }

    async get (id) {
      const [[, text], [, ttl]] = await this.client.pipeline().get(id).pttl(id).exec()
      if (!text) return null
      return Object.assign(JSON.parse(text), { [TTL_MS]: ttl })
    }

    async set (id, session, ttl) {
      await this.client.set(id, JSON.stringify(session), 'PX', ttl)
    }

    async destroy (id) {
      await this.client.del(id)
    }
  }
  const { user: logIn } = await start(t, { store: new RedisSessionStore(client()) }, routes)
  const user = await logIn('/login')
  const id = idOf(user)
  await user.get('/update')
  t.is(idOf(user), id)
  await client().pexpire(id, HOUR)
  await user.get()
  t.not(idOf(user), id)
  t.is(await client().get(id), null)
  t.is(await client().get(idOf(user)), '{"user":"ada","updated":true}')
  t.true(await client().pttl(idOf(user)) > DAY)
  await user.get('/logout')
  t.is(user.cookie, '')
})

test('on Redis the pointer stands beside the record for at most 10 s, and the new record lives maxAge and 10 s', async (t) => {
  const kind = kinds.Redis
  const { store, user, oldId } = await due(t, { kind })
  const [old] = await client().keys(`*${oldId}`)
  await user.get()
  const key = old.slice(0, -oldId.length) + idOf(user)
  const pointer = `{${old}}:to`
  const [held, left, text, ttl] = await Promise.all([
    client().get(pointer), client().pttl(pointer), client().get(key), client().pttl(key)
  ])
  t.deepEqual([held, text], [key, '{"user":"ada"}'])
  t.true(left > 0 && left <= 10000)
  t.true(ttl > DAY && ttl <= DAY + 10000)
  t.is((await kind.ids(store)).length, 1)
  await client().del(pointer) // as when its time is over
  t.is((await user.get('/', `connsid=${oldId}`)).body, 'null')
})

test(`a storm of ${SIZE} parallel reads from each of two processes on one Redis: one new id, no request without its session`, async (t) => {
  const kind = kinds.Redis
  const { user, old, oldId } = await due(t, { kind })
  const [key] = await client().keys(`*${oldId}`)
  const prefix = key.slice(0, -oldId.length)

  const children = [1, 2].map(() => {
    const child = spawn(process.execPath, [require.resolve('./storm'), redis().url, prefix, old, SIZE], { stdio: ['pipe', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const line = async () => {
      const { value } = await lines.next()
      if (value === undefined) throw new Error('the process has ended')
      return value
    }
    return { child, line }
  })
  for (const { line } of children) t.is(await line(), 'loaded') // all, before any commits
  for (const { child } of children) child.stdin.write('go\n')
  const answers = (await Promise.all(children.map(({ line }) => line()))).flatMap((line) => JSON.parse(line))
  await Promise.all(children.map(({ child }) => child.exitCode ?? once(child, 'exit')))

  t.is(answers.length, 2 * SIZE)
  for (const { status, body } of answers) t.deepEqual([status, body], [200, '{"user":"ada"}'])
  const cookies = new Set(answers.map(({ cookie }) => cookie))
  t.is(cookies.size, 1)
  const [cookie] = cookies
  t.deepEqual(await client().keys(`${prefix}*`), [prefix + cookie.split('=')[1]], 'no other record is left')
  for (const each of [cookie, old]) t.is((await user.get('/', each)).body, '{"user":"ada"}')
})
