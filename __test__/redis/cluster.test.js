'use strict'

const test = require('ava')
const { inspect } = require('node:util')
const session = require('../..')
const { startCluster } = require('../helpers/cluster')
const { gather } = require('../helpers/crowd')
const { servers } = require('../helpers/redis-server')
const { serve } = require('../helpers/serve')
const { until } = require('../helpers/until')

const { RedisStore } = session
const SECRET = 's3cr3t'
const BACK_MS = 4000

const since = (start) => Math.round(performance.now() - start)

// The tests of one cluster follow each other: each leaves it whole.
for (const { name, program } of servers) {
  let cluster
  let urls

  test.serial.before(async () => {
    cluster = await startCluster({ program, password: SECRET })
    urls = cluster.urls
  })

  const open = (t, options) => {
    const store = new RedisStore({ cluster: urls, ...options })
    t.teardown(() => store.close())
    return store
  }

  const mastersOf = async () => {
    const roles = await Promise.all(cluster.nodes.map((node) => cluster.client(node).role()))
    return cluster.nodes.filter((_, n) => roles[n][0] === 'master')
  }

  // A key that each of the masters owns.
  const keysOf = async (prefix) => {
    const keys = new Map()
    for (let n = 0; keys.size < 3; n++) {
      const owner = await cluster.ownerOf(`${prefix} ${n}`)
      if (!keys.has(owner)) keys.set(owner, `${prefix} ${n}`)
    }
    return keys
  }

  test.serial(`${name} cluster: a thousand sessions at once, on all masters`, async (t) => {
    t.log(cluster.about())
    const store = open(t)
    const numbers = Array.from({ length: 1000 }, (_, n) => n)
    await Promise.all(numbers.map((n) => store.set(`many ${n}`, { n }, 60000)))
    t.deepEqual(await Promise.all(numbers.map((n) => store.get(`many ${n}`))), numbers.map((n) => ({ n })))
    const sizes = await Promise.all((await mastersOf()).map((node) => cluster.client(node).dbsize()))
    t.is(sizes.length, 3)
    t.true(sizes.every((size) => size > 200), sizes.join())
    await Promise.all(numbers.map((n) => store.destroy(`many ${n}`)))
    t.deepEqual(await Promise.all(numbers.map((n) => store.get(`many ${n}`))), numbers.map(() => undefined))
    await store.ping()
    t.is(store.status, 'ready')
    t.false(inspect(store, { depth: 9, showHidden: true }).includes(SECRET))
  })

  test.serial(`${name} cluster: sessions are created, merged, moved to another id and destroyed`, async (t) => {
    const store = open(t, { prefix: 'p:' })
    const { browser, errors, events } = await serve(t, session({ store, key: 'sid' }), async (ctx) => {
      if (ctx.path === '/regenerate') ctx.sessionHandler.regenerateId()
      if (ctx.path === '/logout') ctx.session = null
      else ctx.session[ctx.query.name ?? 'a'] = 1
      ctx.body = JSON.stringify(ctx.session)
    })
    await Promise.all(Array.from({ length: 30 }, async () => {
      const user = browser()
      await user.get()
      await Promise.all(['b', 'c', 'd', 'e'].map((each) => user.get(`/?name=${each}`)))
      const before = user.cookies.get('sid')
      t.deepEqual(Object.keys(JSON.parse((await user.get('/regenerate')).body)).sort(), ['a', 'b', 'c', 'd', 'e'])
      const after = user.cookies.get('sid')
      t.not(after, before)
      t.is(await store.get(`sid:${before}`), undefined)
      t.deepEqual(await store.get(`sid:${after}`), { a: 1, b: 1, c: 1, d: 1, e: 1 })
      await user.get('/logout')
      t.is(await store.get(`sid:${after}`), undefined)
    }))
    t.deepEqual([errors, events], [[], []])
  })

  test.serial(`${name} cluster: an error reply fails its own command only`, async (t) => {
    const store = open(t)
    const [[full, key], [, other], [, third]] = await keysOf('reply')
    await cluster.client(full).config('SET', 'maxmemory', '1')
    const answers = await Promise.allSettled([other, key, third, key, other].map((each, n) => store.set(each, { n }, 60000)))
    await cluster.client(full).config('SET', 'maxmemory', '0')
    t.deepEqual(answers.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
    t.like(answers[1].reason, { code: 'ERR_SESSION_STORE', status: 503 })
    t.regex(answers[1].reason.message, /OOM/)
    t.is(store.status, 'ready')
    await store.set(key, { n: 9 }, 60000)
  })

  test.serial(`${name} cluster: one address of a node is enough, a replica's too`, async (t) => {
    for (const url of [urls[0], urls[5]]) {
      const store = open(t, { cluster: [url] })
      await Promise.all(Array.from({ length: 30 }, (_, n) => store.set(`one ${n}`, { n }, 60000)))
      t.deepEqual(await store.get('one 7'), { n: 7 })
    }
  })

  test.serial(`${name} cluster: an address where nobody is does no harm among others`, async (t) => {
    const store = open(t, { cluster: [`redis://:${SECRET}@127.0.0.1:1`, urls[1]] })
    await store.set('some', { n: 1 }, 60000)
    t.deepEqual(await store.get('some'), { n: 1 })
  })

  for (const [what, given] of [['a wrong password', () => urls.map((url) => url.replace(SECRET, `${SECRET}-not`))], ['no node at its addresses', () => [`redis://:${SECRET}@127.0.0.1:1`]]]) {
    test.serial(`${name} cluster: ${what} is an error`, async (t) => {
      const store = open(t, { cluster: given() })
      const errors = []
      store.on('error', (error) => errors.push(error))
      const error = await t.throwsAsync(store.get('a'), { code: 'ERR_SESSION_STORE' })
      t.false(inspect([error, errors, store], { depth: 9, showHidden: true }).includes(SECRET))
    })
  }

  test.serial(`${name} cluster: a slot that moves is followed, session by session`, async (t) => {
    const store = open(t)
    const { browser, errors, events } = await serve(t, session({ store, key: 'sid{moving}' }), (ctx) => {
      ctx.session.count = (ctx.session.count ?? 0) + 1
      ctx.body = String(ctx.session.count)
    })
    const [early, late] = [browser(), browser()]
    const keyOf = ({ cookies }) => `sid{moving}:${cookies.get('sid{moving}')}`
    const count = async (user, times) => t.is((await user.get()).body, String(times))
    await Promise.all([count(early, 1), count(late, 1)])

    const slot = await cluster.slotOf(keyOf(early))
    const from = await cluster.ownerOf(keyOf(early))
    const to = (await mastersOf()).find((node) => node !== from)
    const [source, target] = [cluster.client(from), cluster.client(to)]
    const move = ({ port }, key) => source.migrate('127.0.0.1', port, key, 0, 5000, 'AUTH', SECRET)
    await target.cluster('SETSLOT', slot, 'IMPORTING', await cluster.idOf(from))
    await source.cluster('SETSLOT', slot, 'MIGRATING', await cluster.idOf(to))
    await move(to, keyOf(early))
    // -ASK for who has gone over and for who is new, and the old place for who has not.
    await Promise.all([count(early, 2), count(late, 2)])
    const created = browser()
    await count(created, 1)
    await store.set('other {moving}', { n: 1 }, 60000)
    t.deepEqual(await store.get('other {moving}'), { n: 1 })
    await move(to, keyOf(late))
    await Promise.all([early, late].map((user) => count(user, 3)))
    for (const client of [target, source]) await client.cluster('SETSLOT', slot, 'NODE', await cluster.idOf(to))
    // -MOVED from here on.
    await Promise.all([count(early, 4), count(late, 4), count(created, 2)])
    t.is(await target.exists(keyOf(early)), 1)
    t.deepEqual([errors, events], [[], []])
    t.is(store.status, 'ready')
    await cluster.settled()
  })

  test.serial(`${name} cluster: a master is killed while a hundred users write`, async (t) => {
    const store = open(t)
    const events = []
    for (const event of ['connect', 'disconnect']) store.on(event, () => events.push(event))
    const crowd = await gather(t, store)
    await crowd.served200()
    const slots = new Map(await Promise.all(crowd.users.map(async (user) => [user, await cluster.ownerOf(user.storeKey)])))
    const victim = await cluster.ownerOf(crowd.users[0].storeKey)
    const bereft = new Set(crowd.users.filter((user) => slots.get(user) === victim).map(({ storeKey }) => storeKey))
    t.true(bereft.size > 10 && bereft.size < 60, `${bereft.size} of the users are on it`)

    await cluster.kill(victim)
    const killed = performance.now()
    const heir = await cluster.moved(crowd.users[0].storeKey, victim)
    const moved = since(killed)
    await crowd.served200()
    const served = since(killed)
    await cluster.restart(victim)
    await cluster.settled()
    await crowd.served200()
    await crowd.stop(store)

    const lost = crowd.lost.filter(({ storeKey }) => bereft.has(storeKey)).flatMap(({ lost }) => lost)
    t.log(`another master after ${moved} ms, all served after ${served} ms; ${inspect(crowd.summary)}`)
    t.log(`acknowledged by the killed master and lost with it: ${lost.length} writes of ${bereft.size} users`)
    t.deepEqual(crowd.lost.filter(({ storeKey }) => !bereft.has(storeKey)), [], 'no write of a surviving shard is lost')
    t.deepEqual(crowd.odd, [])
    t.true(lost.every(({ at }) => at < killed + 1000), 'none that its heir has acknowledged')
    t.is(crowd.summary.refusals, crowd.summary.errors, 'one error on app for each refused request')
    t.not(heir, victim)
  })

  test.serial(`${name} cluster: a master that hangs is left for its promoted replica`, async (t) => {
    const store = open(t)
    const keys = await keysOf('hang')
    const [[victim, key], ...others] = keys
    for (const each of keys.values()) await store.set(each, { n: 0 }, 600000)
    cluster.pause(victim)
    const paused = performance.now()
    // Of one batch, those of the other masters are answered.
    const batch = await Promise.allSettled([key, ...others.map(([, each]) => each)].map((each) => store.get(each)))
    t.deepEqual(batch.map(({ status }) => status), ['rejected', 'fulfilled', 'fulfilled'])
    t.like(batch[0].reason, { code: 'ERR_SESSION_STORE', status: 503 })
    let slowest = 0
    const written = await until('the promoted replica is written to', async () => {
      const start = performance.now()
      try {
        await store.set(key, { n: 1 }, 600000)
        return true
      } finally {
        slowest = Math.max(slowest, since(start))
      }
    }, { within: 20000, every: 50 })
    t.true(written)
    t.log(`the hanging master's slots were served again after ${since(paused)} ms; the slowest command took ${slowest} ms`)
    t.true(slowest < 3000)
    const heir = await cluster.moved(key, victim)
    await cluster.settled() // the other masters have heard of it, and none says CLUSTERDOWN
    t.is(await cluster.client(heir).get(key), '{"n":1}')
    for (let n = 2; n < 20; n++) {
      await store.set(key, { n }, 600000)
      t.deepEqual(await store.get(key), { n })
      for (const [, each] of others) t.truthy(await store.get(each))
    }
    cluster.resume(victim)
    await cluster.settled()
    for (let n = 20; n < 40; n++) {
      await store.set(key, { n }, 600000)
      t.deepEqual(await store.get(key), { n })
    }
    t.is(await cluster.client(await cluster.ownerOf(key)).get(key), '{"n":39}')
  })

  test.serial(`${name} cluster: no connection is left when the store is closed`, async (t) => {
    const connections = async () => {
      const lists = await Promise.all(cluster.nodes.map((node) => cluster.client(node).client('LIST', 'TYPE', 'normal')))
      return lists.map((list) => list.trim().split('\n').length)
    }
    await until('those of the tests before are closed', async () => (await connections()).every((count) => count === 1))
    const store = open(t)
    await Promise.all(Array.from({ length: 30 }, (_, n) => store.set(`close ${n}`, { n }, 60000)))
    t.true((await connections()).filter((count) => count > 1).length >= 3)
    await store.close()
    await until('all are closed', async () => (await connections()).every((count) => count === 1))
    t.is(store.status, 'closed')
  })

  test.serial(`${name} cluster: all nodes go away and come back`, async (t) => {
    const store = open(t)
    await store.set('all', { n: 1 }, 60000)
    await Promise.all(cluster.nodes.map((node) => cluster.kill(node)))
    await until('it is seen', () => store.get('all').then(() => false, () => store.status === 'down'))
    const start = performance.now()
    for (let n = 0; n < 20; n++) await t.throwsAsync(store.get('all'), { code: 'ERR_SESSION_STORE' })
    t.true(since(start) < 5000, `20 refusals took ${since(start)} ms, and not 20 timeouts`)
    await Promise.all(cluster.nodes.map((node) => cluster.restart(node)))
    await cluster.settled()
    const back = performance.now()
    await until('the store works again', () => store.set('all', { n: 2 }, 60000).then(() => true), { within: BACK_MS })
    t.log(`back ${since(back)} ms after the cluster`)
    t.deepEqual(await store.get('all'), { n: 2 })
  })

  test.serial(`${name} cluster: the cluster ends`, async (t) => {
    await cluster.stop()
    t.pass()
  })
  test.after.always(() => cluster?.stop())
}
