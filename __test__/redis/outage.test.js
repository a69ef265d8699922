'use strict'

const test = require('ava')
const { inspect } = require('node:util')
const session = require('../..')
const { startProxy } = require('../helpers/proxy')
const { servers, startRedis } = require('../helpers/redis-server')
const { serve } = require('../helpers/serve')
const { next, until } = require('../helpers/until')

const { RedisStore } = session
const DOWN = { code: 'ERR_SESSION_STORE', status: 503, headers: { 'retry-after': '1' } }

// It is promised within 1 s of the server's return; the test's own machine may be busy.
const BACK_MS = 4000

// For what is not about time: a proxy is in the test's own thread, which may be busy.
const PATIENT = { connectTimeoutMs: 10000, commandTimeoutMs: 10000 }

// Of a session's text, in bytes.
const LONGEST = 128 * 1024 * 1024

const since = (start) => Math.round(performance.now() - start)

const start = async (t, options) => {
  const redis = await startRedis(options)
  t.teardown(() => redis.stop())
  return redis
}

const open = (t, url, options) => {
  const store = new RedisStore({ url, ...options })
  store.setMaxListeners(0)
  t.teardown(() => store.close())
  return store
}

const refused = async (t, promise) => {
  const error = await t.throwsAsync(promise, { code: 'ERR_SESSION_STORE' })
  t.like(error, DOWN)
  return error
}

// While the server is down nobody waits: twenty commands that did would take twenty timeouts, however slow the machine is.
const failsAtOnce = async (t, store, timeoutMs = 1000) => {
  const start = performance.now()
  for (let n = 0; n < 20; n++) await refused(t, store.get('a'))
  const took = since(start)
  t.true(took < 5 * timeoutMs, `20 refusals took ${took} ms`)
  t.is(store.status, 'down')
  await refused(t, store.ping())
}

const comesBack = async (t, store, start = performance.now()) => {
  await until('the store works again', () => store.set('back', { n: 1 }, 60000).then(() => true), { every: 5, within: BACK_MS })
  t.log(`back after ${since(start)} ms`)
  t.deepEqual(await store.get('back'), { n: 1 })
  await store.ping()
  t.is(store.status, 'ready')
}

const counter = (ctx) => {
  ctx.session.count = (ctx.session.count ?? 0) + 1
  ctx.body = String(ctx.session.count)
}

for (const { name, program } of servers) {
  test(`${name}: a paused server`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    await store.set('a', { n: 1 }, 60000)
    redis.pause()
    const paused = performance.now()
    const inFlight = Array.from({ length: 100 }, (_, n) => store.get(`a${n}`))
    for (const command of inFlight) await refused(t, command)
    t.true(since(paused) < 3000, `in flight for ${since(paused)} ms`)
    await failsAtOnce(t, store)
    redis.resume()
    await comesBack(t, store)
    t.deepEqual(await store.get('a'), { n: 1 })
  })

  test(`${name}: a server that is paused and resumed again and again`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url, { commandTimeoutMs: 500 })
    for (let round = 0; round < 3; round++) {
      await store.set('round', { round }, 60000)
      redis.pause()
      await refused(t, store.get('round'))
      redis.resume()
      await until('it answers', async () => (await store.get('round')).round === round, { within: BACK_MS })
    }
  })

  test(`${name}: a server that is killed and restarted`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    await store.set('a', { n: 1 }, 60000)
    const disconnected = next(store, 'disconnect')
    const killed = performance.now()
    const inFlight = Array.from({ length: 100 }, () => store.get('a').catch((error) => error))
    await redis.kill()
    await disconnected
    for (const answer of await Promise.all(inFlight)) answer instanceof Error ? t.like(answer, DOWN) : t.deepEqual(answer, { n: 1 })
    t.true(since(killed) < 3000)
    await failsAtOnce(t, store)
    await redis.restart()
    await comesBack(t, store)
  })

  test(`${name}: a server that is away for longer than the backoff grows`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    await store.ping()
    await redis.kill()
    let tries = 0
    await new Promise((resolve) => store.on('reconnecting', () => ++tries === 10 && resolve()))
    await failsAtOnce(t, store)
    await redis.restart()
    await comesBack(t, store)
  })

  test(`${name}: a server that comes after the store`, async (t) => {
    const redis = await start(t, { program })
    await redis.kill()
    const store = open(t, redis.url)
    t.is(store.status, 'idle')
    await refused(t, store.get('a'))
    await failsAtOnce(t, store)
    await redis.restart()
    await comesBack(t, store)
  })

  test(`${name}: a server that comes back with another password, and then with its own`, async (t) => {
    const args = ['--requirepass', 's3cr3t-one']
    const redis = await start(t, { program, args })
    const store = open(t, redis.url.replace('//', '//:s3cr3t-one@'))
    const errors = []
    store.on('error', (error) => errors.push(error))
    await store.set('a', { n: 1 }, 60000)
    await redis.kill()
    await redis.restart({ args: ['--requirepass', 's3cr3t-two'] })
    let tries = 0
    await new Promise((resolve) => store.on('reconnecting', () => ++tries === 5 && resolve()))
    const error = await refused(t, store.get('a'))
    await failsAtOnce(t, store)
    await redis.kill()
    await redis.restart({ args })
    await comesBack(t, store)
    t.true(errors.length > 0)
    t.false(inspect([error, errors, store], { depth: 9, showHidden: true }).includes('s3cr3t'))
  })

  // A thousandth of a second a key, and a look at the clients after each few: three seconds of -LOADING.
  const KEYS = 3000
  const slowly = ['--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024']

  test(`${name}: a server that is still loading its data`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    await Promise.all(Array.from({ length: KEYS }, (_, n) => store.set(`key ${n}`, { n, long: 'x'.repeat(50) }, 600000)))
    const client = redis.client({ enableReadyCheck: false })
    await client.save()
    await redis.kill()
    await redis.restart({ args: slowly, ready: /Loading RDB/ })
    const loading = () => client.get('a').then(() => false, ({ message }) => message.startsWith('LOADING'))
    await until('it says -LOADING', loading)
    await refused(t, store.get('key 0'))
    await failsAtOnce(t, store)
    t.true(await loading(), 'the server was loading all the time')
    await until('it has loaded', async () => !await loading())
    await comesBack(t, store)
    t.deepEqual(await store.get(`key ${KEYS - 1}`), { n: KEYS - 1, long: 'x'.repeat(50) })
  })

  test(`${name}: a connected server that loads its data anew`, async (t) => {
    const redis = await start(t, { program, args: ['--enable-debug-command', 'local', ...slowly] })
    const store = open(t, redis.url)
    await Promise.all(Array.from({ length: KEYS }, (_, n) => store.set(`key ${n}`, { n, long: 'x'.repeat(50) }, 600000)))
    const reloaded = redis.client().debug('RELOAD')
    const error = await until('it says -LOADING', () => store.get('key 0').then(() => undefined, (error) => error))
    t.like(error, DOWN)
    await reloaded
    await comesBack(t, store)
    t.deepEqual(await store.get('key 1'), { n: 1, long: 'x'.repeat(50) })
  })

  test(`${name}: a connection that is reset in the middle of a reply`, async (t) => {
    const redis = await start(t, { program })
    const proxy = await startProxy(redis.port)
    t.teardown(() => proxy.stop())
    const store = open(t, proxy.url, PATIENT)
    const long = 'é😀'.repeat(500)
    await Promise.all(Array.from({ length: 10 }, (_, n) => store.set(`long ${n}`, { n, long }, 60000)))
    let [answered, failed] = [0, 0]
    for (const bytes of [0, 1, 7, 1500, 3021, 10000, 25000]) {
      const cut = proxy.cutAfter(bytes)
      const answers = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => store.get(`long ${n}`)))
      await cut
      answers.forEach(({ status, value, reason }, n) => {
        if (status === 'fulfilled') t.deepEqual(value, { n, long })
        else t.like(reason, DOWN)
        status === 'fulfilled' ? answered++ : failed++
      })
      await until('the store works again', () => store.ping().then(() => true), { within: BACK_MS, every: 5 })
      t.deepEqual(await store.get('long 3'), { n: 3, long })
    }
    t.log(`${failed} commands failed, ${answered} were answered in whole`)
    t.true(failed >= 7)
    t.true(proxy.accepted >= 8)
    await until('no connection is left over', () => proxy.open === 1)
  })

  test(`${name}: a connection that is cut while it logs in`, async (t) => {
    const redis = await start(t, { program, args: ['--requirepass', 'open sesame'] })
    const proxy = await startProxy(redis.port)
    t.teardown(() => proxy.stop())
    for (const bytes of [0, 3, 5, 9, 40, 500]) {
      const store = open(t, proxy.url, { ...PATIENT, password: 'open sesame' })
      const cut = proxy.cutAfter(bytes)
      t.notRegex((await refused(t, store.get('a'))).message, /sesame/)
      await cut
      await comesBack(t, store)
      await store.close()
    }
    t.true(proxy.accepted >= 12)
  })

  test(`${name}: idle connections that are cut`, async (t) => {
    const redis = await start(t, { program })
    const proxy = await startProxy(redis.port)
    t.teardown(() => proxy.stop())
    const store = open(t, proxy.url, PATIENT)
    for (let round = 0; round < 5; round++) {
      await store.ping()
      const reconnected = next(store, 'connect')
      proxy.cut()
      await reconnected
      t.is(store.status, 'ready')
    }
    t.is(proxy.accepted, 6)
  })

  test(`${name}: replies that drip in byte by byte`, async (t) => {
    const redis = await start(t, { program })
    const proxy = await startProxy(redis.port)
    t.teardown(() => proxy.stop())
    proxy.drip = true
    const store = open(t, proxy.url, PATIENT)
    const sessions = ['', 'é', '😀\r\n$-1\r\n', '\0\u2028"\\'].map((text, n) => ({ n, text: text.repeat(20) }))
    await Promise.all(sessions.map((each, n) => store.set(`drip ${n}`, each, 60000)))
    t.deepEqual(await Promise.all(sessions.map((_, n) => store.get(`drip ${n}`))), sessions)
    const { browser, errors } = await serve(t, session({ store }), counter)
    const user = browser()
    for (const count of ['1', '2', '3']) t.is((await user.get()).body, count)
    t.deepEqual(errors, [])
  })

  test(`${name}: replies that are too late are given to nobody`, async (t) => {
    const redis = await start(t, { program })
    const proxy = await startProxy(redis.port)
    t.teardown(() => proxy.stop())
    const store = open(t, proxy.url, { ...PATIENT, commandTimeoutMs: 2500 })
    await Promise.all(Array.from({ length: 50 }, (_, n) => store.set(`late ${n}`, { n }, 60000)))
    const held = proxy.hold()
    const answers = Array.from({ length: 25 }, (_, n) => store.get(`late ${n}`))
    await held
    for (const answer of answers) await refused(t, answer)
    proxy.release()
    for (let n = 25; n < 50; n++) {
      t.deepEqual(await until('an answer', () => store.get(`late ${n}`), { within: BACK_MS }), { n })
    }
  })

  test(`${name}: an error reply fails its own command only`, async (t) => {
    const redis = await start(t, { program })
    await redis.client().acl('SETUSER', 'some', 'on', 'nopass', '~ok*', '+@all')
    const store = open(t, redis.url.replace('//', '//some:any@'))
    await store.set('ok', { n: 1 }, 60000)
    let disconnects = 0
    store.on('disconnect', () => disconnects++)
    const answers = await Promise.allSettled([
      store.get('ok'), store.get('forbidden'), store.get('ok'), store.set('forbidden', {}, 60000), store.destroy('forbidden'), store.set('ok 2', { n: 2 }, 60000), store.get('ok')
    ])
    t.deepEqual(answers.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'rejected', 'fulfilled', 'fulfilled'])
    for (const n of [0, 2, 6]) t.deepEqual(answers[n].value, { n: 1 })
    for (const n of [1, 3, 4]) {
      t.like(answers[n].reason, DOWN)
      t.regex(answers[n].reason.message, /NOPERM/)
    }
    t.deepEqual([store.status, disconnects], ['ready', 0])
  })

  test(`${name}: a value that is too long to be a session fails its own command only`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url, PATIENT)
    await store.set('ok', { n: 1 }, 60000)
    await redis.client().setrange('long', LONGEST, 'x')
    let disconnects = 0
    store.on('disconnect', () => disconnects++)
    const [before, long, after] = await Promise.allSettled([store.get('ok'), store.get('long'), store.get('ok')])
    t.deepEqual([before.value, after.value], [{ n: 1 }, { n: 1 }])
    t.like(long.reason, DOWN)
    t.is(long.reason.message, `the session is too long to be read or written: more than ${LONGEST} bytes`)
    t.deepEqual([store.status, disconnects], ['ready', 0])
  })

  test(`${name}: a server that is out of memory refuses writes and goes on reading`, async (t) => {
    const redis = await start(t, { program, args: ['--maxmemory-policy', 'noeviction'] })
    const store = open(t, redis.url)
    await store.set('a', { n: 1 }, 60000)
    await redis.client().config('SET', 'maxmemory', '1')
    const [written, read] = await Promise.allSettled([store.set('a', { n: 2 }, 60000), store.get('a')])
    t.regex(written.reason?.message, /OOM/)
    t.deepEqual(read.value, { n: 1 })
    t.is(store.status, 'ready')
    await redis.client().config('SET', 'maxmemory', '0')
    await store.set('a', { n: 2 }, 60000)
  })

  test(`${name}: requests are answered with 503 while the server is down, and as before when it is back`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    const { browser, errors } = await serve(t, session({ store }), counter)
    const rejections = []
    const listen = (reason) => rejections.push(reason)
    process.on('unhandledRejection', listen)
    t.teardown(() => process.off('unhandledRejection', listen))

    const users = Array.from({ length: 20 }, browser)
    for (const user of users) t.is((await user.get()).body, '1')
    const cookies = users.map(({ cookie }) => cookie)
    redis.pause()
    let failed = 0
    // With a cookie the load fails, without one the commit: both in flight, and then with the server known to be down.
    for (let round = 0; round < 3; round++) {
      const start = performance.now()
      const answers = await Promise.all([...users, ...Array.from({ length: 20 }, browser)].map((user) => user.get()))
      failed += answers.length
      for (const { status, headers, setCookie, body } of answers) {
        t.deepEqual([status, headers.get('retry-after'), setCookie, body], [503, '1', [], 'Service Unavailable'])
      }
      t.true(since(start) < 4000, `round ${round} took ${since(start)} ms`)
      t.is(errors.length, failed, 'one error on app for each failed request')
    }
    for (const error of errors) t.like(error, DOWN)
    redis.resume()
    await until('requests are served', async () => (await browser().get()).status === 200, { within: BACK_MS })
    for (const [n, user] of users.entries()) {
      t.is(user.cookie, cookies[n], 'nobody was logged out')
      t.is((await user.get()).body, '2')
    }
    await new Promise(setImmediate)
    t.deepEqual(rejections, [])
  })

  test(`${name}: a save whose answer was lost is reported, may be tried again, and refreshes the time to live`, async (t) => {
    const redis = await start(t, { program })
    const proxy = await startProxy(redis.port)
    t.teardown(() => proxy.stop())
    const client = redis.client()
    const store = open(t, proxy.url, { ...PATIENT, commandTimeoutMs: 2500 })
    const { browser, errors, events } = await serve(t, session({ store, key: 'sid' }), async (ctx) => {
      ctx.session.count = (ctx.session.count ?? 0) + 1
      if (ctx.path === '/lost') {
        const held = proxy.hold()
        const saved = t.throwsAsync(ctx.sessionHandler.save(), { code: 'ERR_SESSION_STORE' })
        await held
        await until('it was applied all the same', async () => JSON.parse(await client.get(keyOf(user)))?.count === ctx.session.count)
        await saved
        await client.pexpire(keyOf(user), 5000)
        proxy.release()
        await until('the store is back', () => store.ping().then(() => true), { within: BACK_MS })
        await ctx.sessionHandler.save()
      }
      ctx.body = String(ctx.session.count)
    })
    const keyOf = ({ cookies }) => `sid:${cookies.get('sid')}`
    const user = browser()
    for (const count of ['1', '2']) t.is((await user.get()).body, count) // from here on Redis knows the script
    t.is((await user.get('/lost')).body, '3')
    t.is(await client.get(keyOf(user)), '{"count":3}')
    t.true(await client.pttl(keyOf(user)) > 5000, 'its time to live was refreshed')
    t.is((await user.get()).body, '4')
    t.deepEqual([errors, events], [[], []])
  })

  for (const adoptUnknownIds of [false, true]) {
    test(`${name}: a create whose answer was lost may be tried again, ${adoptUnknownIds ? 'and takes its own record' : 'under another id'}`, async (t) => {
      const redis = await start(t, { program })
      const proxy = await startProxy(redis.port)
      t.teardown(() => proxy.stop())
      const client = redis.client()
      const store = open(t, proxy.url, { ...PATIENT, commandTimeoutMs: 2500 })
      const { browser, errors, events } = await serve(t, session({ store, key: 'sid', adoptUnknownIds }), async (ctx) => {
        if (ctx.path === '/lost') {
          ctx.session.created = true
          const held = proxy.hold()
          const saved = t.throwsAsync(ctx.sessionHandler.save(), { code: 'ERR_SESSION_STORE' })
          await held
          await saved
          proxy.release()
          await until('the store is back', () => store.ping().then(() => true), { within: BACK_MS })
          await ctx.sessionHandler.save()
        }
        ctx.body = String(ctx.session.created)
      })
      const user = browser()
      user.cookies.set('sid', 'unknown')
      await user.get('/lost')
      t.is(user.cookies.get('sid') === 'unknown', adoptUnknownIds)
      t.is((await user.get()).body, 'true')
      if (adoptUnknownIds) t.deepEqual(await client.keys('*'), ['sid:unknown'])
      t.deepEqual([errors, events], [[], []])
    })
  }

  test(`${name}: a queue that is full while the server hangs refuses, and is free again`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url, { maxPending: 50 })
    await store.set('a', { n: 1 }, 60000)
    redis.pause()
    const answers = await Promise.allSettled(Array.from({ length: 60 }, () => store.get('a')))
    t.is(answers.filter(({ reason }) => /maxPending/.test(reason?.message)).length, 10)
    t.true(answers.every(({ reason }) => reason?.code === 'ERR_SESSION_STORE'))
    redis.resume()
    await comesBack(t, store)
    t.deepEqual(await Promise.all(Array.from({ length: 50 }, () => store.get('a'))), Array(50).fill({ n: 1 }))
  })

  test(`${name}: two stores fail and come back each by itself`, async (t) => {
    const [one, other] = await Promise.all([start(t, { program }), start(t, { program })])
    const [broken, well] = [open(t, one.url), open(t, other.url)]
    await Promise.all([broken.ping(), well.ping()])
    one.pause()
    await refused(t, broken.get('a'))
    for (let n = 0; n < 50; n++) {
      await well.set('a', { n }, 60000)
      t.deepEqual(await well.get('a'), { n })
    }
    t.deepEqual([broken.status, well.status], ['down', 'ready'])
    one.resume()
    await comesBack(t, broken)
  })

  test(`${name}: a store that is closed while its server hangs`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    await store.ping()
    redis.pause()
    const pending = store.get('a')
    const ends = []
    const closed = [0, 1].map(async (n) => {
      await store.close()
      ends.push(n)
    })
    await refused(t, pending)
    t.deepEqual([ends, store.status], [[], 'down'], 'neither is done before what was pending')
    await Promise.all(closed)
    t.is(store.status, 'closed')
    await t.throwsAsync(store.get('a'), { code: 'ERR_SESSION_STORE', message: /closed/ })
  })

  test(`${name}: which server ran`, async (t) => {
    t.log((await start(t, { program })).about())
    t.pass()
  })
}
