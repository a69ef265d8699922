'use strict'

const test = require('ava')
const { once } = require('node:events')
const net = require('node:net')
const { inspect } = require('node:util')
const { setTimeout: delay } = require('node:timers/promises')
const { RedisStore } = require('../..')
const { gather } = require('../helpers/crowd')
const { servers } = require('../helpers/redis-server')
const { startSentinels } = require('../helpers/sentinel')
const { until } = require('../helpers/until')

const SECRET = 's3cr3t'
const BACK_MS = 4000

const since = (start) => Math.round(performance.now() - start)

// The tests of one group follow each other: each leaves it whole.
for (const { name, program } of servers) {
  let group

  test.serial.before(async () => {
    group = await startSentinels({ program, password: `${SECRET}-data`, sentinelPassword: `${SECRET}-sentinel` })
  })
  test.after.always(() => group?.stop())

  const open = (t, { sentinel, ...options } = {}) => {
    const { master, urls: nodes, password } = group
    const store = new RedisStore({ sentinel: { master, nodes, ...sentinel }, password, ...options })
    t.teardown(() => store.close())
    return store
  }

  // How often a server was asked to read or write a session, by name of the command.
  const callsOf = async (server) => {
    const stats = await group.client(server).info('commandstats')
    return Object.fromEntries([...stats.matchAll(/^cmdstat_(get|set|del|eval|evalsha):calls=(\d+)/gm)].map(([, command, calls]) => [command, Number(calls)]))
  }

  // An old master that takes itself for the master is asked nothing, whatever happens to the connections to the new one.
  const keepsAwayFrom = async (t, old, heir, crowd) => {
    const client = group.client(old)
    await client.call('acl', 'setuser', 'default', '-replicaof', '-slaveof') // the sentinels cannot tell it better
    t.is(await group.roleOf(old), 'master')
    const from = await callsOf(old)
    for (let round = 0; round < 20; round++) {
      if (round % 5 === 0) await group.cutUsers(heir)
      await delay(50)
      t.deepEqual(await callsOf(old), from, 'the old master is asked for nothing')
    }
    await client.call('acl', 'setuser', 'default', '+replicaof', '+slaveof')
    await crowd.served200()
  }

  const report = (t, crowd, killed, until) => {
    const lost = crowd.lost.flatMap(({ lost }) => lost)
    t.log(`acknowledged by the old master and lost with it: ${lost.length} writes of ${crowd.lost.length} users; ${inspect(crowd.summary)}`)
    t.deepEqual(crowd.odd, [])
    t.true(lost.every(({ at }) => at < killed + until), 'none that the new master has acknowledged')
    t.is(crowd.summary.refusals, crowd.summary.errors, 'one error on app for each refused request')
  }

  test.serial(`${name} sentinel: sessions are on the master`, async (t) => {
    t.log(group.about())
    const store = open(t)
    const numbers = Array.from({ length: 500 }, (_, n) => n)
    await Promise.all(numbers.map((n) => store.set(`many ${n}`, { n }, 60000)))
    t.deepEqual(await Promise.all(numbers.map((n) => store.get(`many ${n}`))), numbers.map((n) => ({ n })))
    t.is(await group.client(await group.current()).get('many 7'), '{"n":7}')
    await store.ping()
    t.is(store.status, 'ready')
    t.false(inspect(store, { depth: 9, showHidden: true }).includes(SECRET))
  })

  test.serial(`${name} sentinel: the database is that of the servers`, async (t) => {
    const store = open(t, { db: 2 })
    await store.set('db', { n: 1 }, 60000)
    const client = (await group.current()).client({ password: group.password, db: 2 })
    t.teardown(() => client.disconnect())
    t.is(await client.get('db'), '{"n":1}')
    await client.quit()
  })

  test.serial(`${name} sentinel: one sentinel is enough, and one that is not there does no harm`, async (t) => {
    const dead = 'redis://127.0.0.1:1'
    for (const nodes of [[group.urls[2]], [dead, group.urls[1]], [group.urls[0], dead]]) {
      const store = open(t, { sentinel: { nodes } })
      await store.set('one', { n: 1 }, 60000)
      t.deepEqual(await store.get('one'), { n: 1 })
    }
  })

  test.serial(`${name} sentinel: one that hangs leaves time to connect, however short that is`, async (t) => {
    const hanging = net.createServer().listen(0, '127.0.0.1')
    await once(hanging, 'listening')
    t.teardown(() => hanging.close())
    const nodes = [`redis://127.0.0.1:${hanging.address().port}`, group.urls[1], group.urls[2]]
    const store = open(t, { sentinel: { nodes }, connectTimeoutMs: 300 })
    await until('the store writes', () => store.set('hanging', { n: 1 }, 60000).then(() => true), { within: BACK_MS })
    t.deepEqual(await store.get('hanging'), { n: 1 })
  })

  test.serial(`${name} sentinel: the login of the sentinels stands beside their addresses`, async (t) => {
    const nodes = group.sentinels.map(({ url }) => url)
    const store = open(t, { sentinel: { nodes, username: 'default', password: group.sentinelPassword }, username: 'default' })
    await store.set('login', { n: 1 }, 60000)
    t.deepEqual(await store.get('login'), { n: 1 })
  })

  const wrong = {
    'a master that no sentinel knows': () => ({ sentinel: { master: 'unknown' } }),
    'a wrong password of the servers': () => ({ password: `${SECRET}-wrong` }),
    'a wrong password of the sentinels': () => ({ sentinel: { password: `${SECRET}-wrong` } }),
    'no sentinel at its addresses': () => ({ sentinel: { nodes: [`redis://:${SECRET}@127.0.0.1:1`] } })
  }
  for (const [what, options] of Object.entries(wrong)) {
    test.serial(`${name} sentinel: ${what} is an error`, async (t) => {
      const store = open(t, options())
      const errors = []
      store.on('error', (error) => errors.push(error))
      const error = await t.throwsAsync(store.get('a'), { code: 'ERR_SESSION_STORE' })
      t.false(inspect([error, errors, store], { depth: 9, showHidden: true }).includes(SECRET))
    })
  }

  test.serial(`${name} sentinel: the master is asked for again when the connection is cut`, async (t) => {
    const store = open(t)
    await store.set('cut', { n: 1 }, 60000)
    const master = await group.current()
    for (let round = 0; round < 5; round++) {
      await group.cutUsers(master)
      await until('the store is back', () => store.get('cut'), { within: BACK_MS })
    }
    t.deepEqual(await store.get('cut'), { n: 1 })
  })

  test.serial(`${name} sentinel: a server that has become read-only is left, and taken again when it is a master`, async (t) => {
    const store = open(t)
    const master = await group.current()
    await store.set('readonly', { n: 1 }, 60000)
    await group.client(master).replicaof('127.0.0.1', 1)
    await t.throwsAsync(store.set('readonly', { n: 2 }, 60000), { code: 'ERR_SESSION_STORE' })
    const start = performance.now()
    for (let n = 0; n < 20; n++) await t.throwsAsync(store.set('readonly', { n: 2 }, 60000), { code: 'ERR_SESSION_STORE' })
    t.true(since(start) < 5000, 'nobody waits for a timeout')
    await group.client(master).replicaof('NO', 'ONE')
    await until('the store writes again', () => store.set('readonly', { n: 3 }, 60000).then(() => true), { within: BACK_MS })
    t.is(await group.client(master).get('readonly'), '{"n":3}')
    await group.online()
  })

  test.serial(`${name} sentinel: a failover that is asked for is followed while a hundred users write`, async (t) => {
    const store = open(t)
    const crowd = await gather(t, store)
    await crowd.served200()
    const old = await group.current()
    const start = performance.now()
    await group.client(group.sentinels[0]).sentinel('failover', group.master)
    const heir = await group.moved(old)
    const moved = since(start)
    // The old master is told after ten seconds: until then it takes what it is given, and all that is lost.
    await until('the old master is left', async () => (await group.usersOf(old)).length === 0, { within: 3000 })
    const left = since(start)
    await crowd.served200()
    t.log(`another master after ${moved} ms, the old one left after ${left} ms`)
    await keepsAwayFrom(t, old, heir, crowd)
    await crowd.stop(store)
    report(t, crowd, start, left + 1000) // an answer that was on its way reaches its user later
    t.is(await group.client(heir).get(crowd.users[0].storeKey), JSON.stringify(await store.get(crowd.users[0].storeKey)))
    await group.online()
  })

  test.serial(`${name} sentinel: a master is killed while a hundred users write, and comes back as another`, async (t) => {
    const store = open(t)
    const crowd = await gather(t, store)
    await crowd.served200()
    const old = await group.current()
    const killed = performance.now()
    await old.kill()
    const heir = await group.moved(old)
    const moved = since(killed)
    await crowd.served200()
    t.log(`another master after ${moved} ms, all served after ${since(killed)} ms`)
    await old.restart()
    await keepsAwayFrom(t, old, heir, crowd)
    await crowd.stop(store)
    report(t, crowd, killed, 1000)
    await group.online()
  })

  test.serial(`${name} sentinel: a master that hangs is left, and not written to when it goes on`, async (t) => {
    const store = open(t)
    const crowd = await gather(t, store)
    await crowd.served200()
    const old = await group.current()
    const paused = performance.now()
    old.pause()
    const [heir] = await Promise.all([group.moved(old), until('it is seen', () => store.status === 'down')])
    const moved = since(paused)
    await crowd.served200()
    t.log(`another master after ${moved} ms, all served after ${since(paused)} ms, with the old one hanging`)
    old.resume()
    await group.client(old).ping() // it has read what was sent before
    await group.client(old).ping()
    await keepsAwayFrom(t, old, heir, crowd)
    await crowd.stop(store)
    report(t, crowd, paused, 1000)
  })

  test.serial(`${name} sentinel: a machine with the master and a sentinel on it goes away and comes back as it was`, async (t) => {
    const [stale] = group.sentinels
    const old = await group.current()
    await Promise.all([group.killSentinel(stale), old.kill()])
    const heir = await group.moved(old)
    await old.restart()
    t.is(await group.roleOf(old), 'master')
    await group.restartSentinel(stale)
    // For a while this sentinel, the first that is asked, names the old master, which takes itself for the master.
    for (let n = 0; n < 10; n++) {
      const store = open(t)
      await until('the store writes', () => store.set(`stale ${n}`, { n }, 60000).then(() => true), { within: BACK_MS })
      t.deepEqual([await group.client(heir).exists(`stale ${n}`), await group.client(old).exists(`stale ${n}`)], [1, 0])
    }
  })
}
