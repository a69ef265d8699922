'use strict'

const test = require('ava')
const { EventEmitter } = require('node:events')
const { inspect } = require('node:util')
const genericSession = require('koa-generic-session')
const session = require('../..')
const { startProxy } = require('../helpers/proxy')
const { servers, startRedis } = require('../helpers/redis-server')
const { runScript } = require('../helpers/script')
const { serve } = require('../helpers/serve')
const { next, until } = require('../helpers/until')

const { RedisStore } = session
const NAMES = ['connect', 'disconnect', 'error', 'reconnecting']

const start = async (t, options) => {
  const redis = await startRedis(options)
  t.teardown(() => redis.stop())
  return redis
}

const open = (t, url, options) => {
  const store = new RedisStore({ url, ...options })
  t.teardown(() => store.close())
  return store
}

// What a store tells, in order, with its status at that time.
const listen = (store) => {
  const told = []
  for (const name of NAMES) store.on(name, (...args) => told.push({ name, args, status: store.status }))
  return told
}

const namesOf = (told) => told.map(({ name }) => name)
const withoutRepetition = (names) => names.filter((name, n) => name !== names[n - 1])

for (const { name, program } of servers) {
  test(`${name}: the status goes from idle through connecting to ready, down, ready and closed`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    t.is(store.status, 'idle')
    const answer = store.get('a')
    const connected = next(store, 'connect')
    t.true(['idle', 'connecting'].includes(store.status), store.status)
    await connected
    t.is(store.status, 'ready')
    await answer
    const disconnected = next(store, 'disconnect')
    await redis.kill()
    await disconnected
    t.is(store.status, 'down')
    const back = next(store, 'connect')
    await redis.restart()
    await back
    t.is(store.status, 'ready')
    await store.close()
    t.is(store.status, 'closed')
  })

  test(`${name}: a store that waits for its first connection is connecting`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    redis.pause()
    const answer = store.get('a').catch(() => {})
    await until('it is connecting', () => store.status === 'connecting')
    redis.resume()
    await answer
    t.is(store.status, 'ready')
  })

  test(`${name}: an outage is told as disconnect, error, reconnecting and connect`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    const told = listen(store)
    await store.ping()
    await until('connect', () => told.length === 1)
    let tries = 0
    const tried = new Promise((resolve) => store.on('reconnecting', () => ++tries === 3 && resolve()))
    await redis.kill()
    await tried
    const back = next(store, 'connect')
    await redis.restart()
    await back
    await store.ping()
    const names = namesOf(told)
    t.is(names[0], 'connect')
    t.is(names.at(-1), 'connect')
    t.deepEqual([...new Set(names.slice(1, -1))].sort(), ['disconnect', 'error', 'reconnecting'])
    t.is(names.filter((name) => name === 'connect').length, 2)
    t.is(names.filter((name) => name === 'disconnect').length, 1, 'once, however many tries fail')
    t.true(names.indexOf('disconnect') < names.indexOf('reconnecting'))
    for (const { name, args } of told) {
      if (name === 'error') t.like(args, { 0: { code: 'ERR_SESSION_STORE', status: 503 }, length: 1 })
    }
    t.true(told.filter(({ name }) => name === 'connect').every(({ status }) => status === 'ready'))
    t.true(told.filter(({ name }) => name === 'disconnect' || name === 'reconnecting').every(({ status }) => status !== 'ready'))
    t.log(withoutRepetition(names).join(', '))
  })

  test(`${name}: a paused server is told too`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    const told = listen(store)
    await store.ping()
    redis.pause()
    const tried = next(store, 'reconnecting')
    await t.throwsAsync(store.ping(), { code: 'ERR_SESSION_STORE' })
    await tried
    const back = next(store, 'connect')
    redis.resume()
    await back
    t.is(namesOf(told).filter((name) => name === 'disconnect').length, 1)
  })

  test(`${name}: a server that was never there is an error, and no disconnect`, async (t) => {
    const redis = await start(t, { program })
    await redis.kill()
    const store = open(t, redis.url)
    const told = listen(store)
    await Promise.all([next(store, 'reconnecting'), t.throwsAsync(store.get('a'), { code: 'ERR_SESSION_STORE' })])
    t.deepEqual([...new Set(namesOf(told))].sort(), ['error', 'reconnecting'])
    const connected = next(store, 'connect')
    await redis.restart()
    await connected
    await store.ping()
  })

  test(`${name}: the end of an idle connection is told although nothing is asked`, async (t) => {
    const redis = await start(t, { program })
    const proxy = await startProxy(redis.port)
    t.teardown(() => proxy.stop())
    const store = open(t, proxy.url, { connectTimeoutMs: 10000, commandTimeoutMs: 10000 })
    await store.ping()
    const told = listen(store)
    const back = next(store, 'connect')
    proxy.cut()
    await back
    t.is(told[0].name, 'disconnect')
  })

  test(`${name}: ping answers while the server does`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    t.true(store.ping() instanceof Promise)
    await store.ping()
    await redis.kill()
    await t.throwsAsync(store.ping(), { code: 'ERR_SESSION_STORE' })
    await redis.restart()
    await until('it answers', () => store.ping().then(() => true))
    await store.close()
    await t.throwsAsync(store.ping(), { code: 'ERR_SESSION_STORE', message: /closed/ })
  })

  test(`${name}: a closed store tells nothing more`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    await store.ping()
    const tried = next(store, 'reconnecting')
    await redis.kill()
    await tried
    await store.close()
    const told = listen(store)
    const other = open(t, redis.url)
    const connected = next(other, 'connect')
    await redis.restart()
    await t.notThrowsAsync(until('another store finds the server', () => other.ping().then(() => true)))
    await connected
    t.deepEqual(namesOf(told), [])
    t.is(store.status, 'closed')
  })

  test(`${name}: no listener is needed`, async (t) => {
    const redis = await start(t, { program })
    const output = await runScript(t, `
      const store = new session.RedisStore({ url })
      process.on('uncaughtException', (error) => console.log('uncaught', error.message))
      process.on('unhandledRejection', (error) => console.log('unhandled', error.message))
      const main = async () => {
        await store.ping()
        process.kill(pid, 'SIGKILL')
        while (store.status !== 'down') await store.ping().catch(() => {})
        for (let n = 0; n < 20; n++) await store.get('a').catch(({ code }) => n === 19 && console.log(code))
        await new Promise((resolve) => setTimeout(resolve, 500))
        console.log('alive')
      }
      main()
    `, { url: redis.url, pid: redis.pid })
    t.is(output, 'ERR_SESSION_STORE\nalive\n')
  })

  test(`${name}: listeners that throw cost nobody an answer`, async (t) => {
    const redis = await start(t, { program })
    const output = await runScript(t, `
      const store = new session.RedisStore({ url })
      const thrown = new Set()
      process.on('uncaughtException', (error) => thrown.add(error.message))
      for (const name of ['connect', 'disconnect', 'error', 'reconnecting']) store.on(name, () => { throw new Error(name) })
      const main = async () => {
        const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => store.set('a' + n, { n }, 60000).then(() => store.get('a' + n))))
        console.log(answers.every((answer, n) => answer.n === n))
        process.kill(pid, 'SIGSTOP') // so that all are pending when it ends
        const pending = Array.from({ length: 100 }, () => store.get('a'))
        setImmediate(() => process.kill(pid, 'SIGKILL'))
        const refused = await Promise.allSettled(pending)
        console.log(refused.every(({ reason }) => reason.code === 'ERR_SESSION_STORE'))
        await new Promise(setImmediate)
        console.log(thrown.has('connect'), thrown.has('disconnect'))
      }
      main()
    `, { url: redis.url, pid: redis.pid })
    t.is(output, 'true\ntrue\ntrue true\n')
  })

  test(`${name}: listeners hold no process open, whether the server is there or not`, async (t) => {
    const redis = await start(t, { program })
    const source = `
      const store = new session.RedisStore({ url })
      for (const name of ['connect', 'disconnect', 'error', 'reconnecting']) store.on(name, () => {})
      store.get('a').then(() => console.log('answered'), ({ code }) => console.log(code))
    `
    t.is(await runScript(t, source, { url: redis.url }), 'answered\n')
    await redis.kill()
    t.is(await runScript(t, source, { url: redis.url }), 'ERR_SESSION_STORE\n')
  })

  test(`${name}: an event wakes a process that does other things`, async (t) => {
    const redis = await start(t, { program })
    const output = await runScript(t, `
      const store = new session.RedisStore({ url })
      const hold = setInterval(() => {}, 60000)
      store.on('disconnect', () => { console.log('disconnect'); clearInterval(hold) })
      store.ping().then(() => process.kill(pid, 'SIGKILL'))
    `, { url: redis.url, pid: redis.pid })
    t.is(output, 'disconnect\n')
  })

  test(`${name}: events of one store are not those of another`, async (t) => {
    const [one, other] = await Promise.all([start(t, { program }), start(t, { program })])
    const [store, well] = [open(t, one.url), open(t, other.url)]
    await Promise.all([store.ping(), well.ping()])
    const told = listen(well)
    const disconnected = next(store, 'disconnect')
    await one.kill()
    await disconnected
    await well.ping()
    t.deepEqual(told, [])
    t.deepEqual([store.status, well.status], ['down', 'ready'])
  })

  test(`${name}: no event and no property shows the password`, async (t) => {
    const redis = await start(t, { program, args: ['--requirepass', 's3cr3t'] })
    const store = open(t, redis.url.replace('//', '//:s3cr3t@'))
    const told = listen(store)
    await store.ping()
    const tried = next(store, 'reconnecting')
    await redis.kill()
    await tried
    const back = next(store, 'connect')
    await redis.restart()
    await back
    t.true(told.length >= 4)
    t.false(inspect([told, store, JSON.stringify(store)], { depth: 9, showHidden: true }).includes('s3cr3t'))
  })

  test(`${name}: koa-generic-session hears of an outage and of its end`, async (t) => {
    const redis = await start(t, { program })
    const store = open(t, redis.url)
    const { app, browser } = await serve(t)
    app.keys = ['key']
    // It takes the end of the store for an outage, and rejects a promise of nobody when its time is over.
    t.teardown(() => store.removeAllListeners('disconnect'))
    app.use(genericSession({ store, key: 'sid', reconnectTimeout: 3000 })).use((ctx) => {
      ctx.session.count = (ctx.session.count ?? 0) + 1
      ctx.body = String(ctx.session.count)
    })
    const user = browser()
    t.is((await user.get()).body, '1')
    const disconnected = next(store, 'disconnect')
    await redis.kill()
    await disconnected
    const waiting = user.get() // it waits for `connect` before it asks
    const back = next(store, 'connect')
    await redis.restart()
    await back
    t.is((await waiting).body, '1', 'the server came back empty')
    t.is((await user.get()).body, '2')
  })

  test(`${name}: which server ran`, async (t) => {
    t.log((await start(t, { program })).about())
    t.pass()
  })
}

test('a store is an EventEmitter', async (t) => {
  const store = new RedisStore()
  t.true(store instanceof EventEmitter)
  const heard = next(store, 'error')
  store.emit('error', new Error('heard'))
  const { message } = await heard
  t.is(message, 'heard')
  await store.close()
  t.is(store.status, 'closed')
})

test('the status cannot be assigned', (t) => {
  const store = new RedisStore()
  t.throws(() => { store.status = 'ready' }, { instanceOf: TypeError })
  t.is(store.status, 'idle')
})
