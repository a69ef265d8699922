'use strict'

const test = require('ava')
const { fork } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { RedisStore } = require('../..')
const { servers, startRedis } = require('../helpers/redis-server')
const { runScript } = require('../helpers/script')
const { until } = require('../helpers/until')

const worker = path.join(__dirname, 'worker.js')

const start = async (t, options) => {
  const redis = await startRedis(options)
  t.teardown(() => redis.stop())
  return redis
}

// What each program here begins with.
const tools = `
  const fs = require('node:fs')
  const { once } = require('node:events')
  const { Worker } = require('node:worker_threads')
  const hire = (task, more) => new Worker(worker, { workerData: { url, task, ...more } })
  const threads = () => fs.readdirSync('/proc/self/task').map((id) => fs.readFileSync('/proc/self/task/' + id + '/comm', 'utf8').trim())
`
const script = (t, redis, program) => runScript(t, tools + program, { worker, url: redis.url, pid: redis.pid })

const connections = async (client) => (await client.client('LIST')).trim().split('\n').length

// Which server it is makes no difference to any of this, and the workers take their time: one kind will do.
const [{ name, program }] = servers

test(`${name}: each worker thread has its own store, and one I/O thread serves all`, async (t) => {
  const redis = await start(t, { program })
  t.is(await script(t, redis, `
    const main = async () => {
      const store = new session.RedisStore({ url, commandTimeoutMs: 20000 })
      const workers = Array.from({ length: 8 }, (_, n) => hire('serve', { n }))
      const answers = await Promise.all(workers.map((each) => once(each, 'message')))
      console.log(answers.map(([{ right, wrong }]) => right + ' ' + wrong).join())
      await store.ping()
      if (fs.existsSync('/proc/self/task')) console.log(threads().filter((each) => each === 'session-io').length)
      else console.log(1)
      const ends = workers.map((each) => once(each, 'exit'))
      workers.forEach((each) => each.postMessage('end'))
      console.log((await Promise.all(ends)).join())
      await store.set('main', { n: 1 }, 60000)
      console.log((await store.get('main')).n)
    }
    main()
  `), `${Array(8).fill('500 0').join()}\n1\n${Array(8).fill('0').join()}\n1\n`)
})

test(`${name}: workers that are terminated with commands pending neither crash nor leak`, async (t) => {
  const redis = await start(t, { program })
  const client = redis.client()
  await client.ping()
  const child = script(t, redis, `
    const main = async () => {
      const store = new session.RedisStore({ url, commandTimeoutMs: 20000 })
      await store.set('main', { n: 1 }, 60000)
      let before
      for (let round = 0; round < 10; round++) {
        const workers = Array.from({ length: 3 }, (_, n) => hire('pend', { n }))
        await Promise.all(workers.map((each) => once(each, 'message')))
        if (round % 3 === 0) process.kill(pid, 'SIGSTOP') // what is asked from here on is pending for sure
        workers.forEach((each) => each.postMessage('go'))
        await Promise.all(workers.map((each) => once(each, 'message')))
        const mine = store.get('main')
        await Promise.all(workers.map((each) => each.terminate()))
        process.kill(pid, 'SIGCONT')
        if ((await mine).n !== 1) console.log('another answer')
        if (round === 2) before = threads().length
      }
      const after = threads().length
      console.log(after <= before ? 'no thread more' : before + ' threads, then ' + after)
      console.log((await store.get('main')).n)
    }
    main()
  `)
  t.is(await child, 'no thread more\n1\n')
  await until('the server has no client left', async () => await connections(client) === 1)
})

test(`${name}: the connections of workers that have ended are closed, while the process lives`, async (t) => {
  const redis = await start(t, { program })
  const client = redis.client()
  const child = fork(worker, ['parent', redis.url], { stdio: 'inherit' })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message') // its own store is connected
  const before = await connections(client)
  for (let round = 0; round < 3; round++) {
    child.send('round')
    const [during] = await once(child, 'message')
    t.is(during, 'ended')
  }
  await until('only the living store is connected', async () => await connections(client) === before, { within: 10000 })
  const exit = once(child, 'exit')
  child.send('end')
  t.deepEqual(await exit, [0, null])
})

for (const end of ['exit', 'throw', 'return']) {
  test(`${name}: a worker that ends by ${end} with commands pending`, async (t) => {
    const redis = await start(t, { program })
    t.is(await script(t, redis, `
      const main = async () => {
        const store = new session.RedisStore({ url })
        await store.ping()
        for (let round = 0; round < 8; round++) {
          const each = hire('end', { by: '${end}' })
          await new Promise((resolve) => each.on('error', () => {}).once('exit', resolve))
        }
        console.log((await store.set('main', { n: 1 }, 60000)) ?? 'alive')
      }
      main()
    `), 'alive\n')
  })
}

test(`${name}: workers that end while their server is down, with listeners on their stores`, async (t) => {
  const redis = await start(t, { program })
  t.is(await script(t, redis, `
    const main = async () => {
      const workers = Array.from({ length: 6 }, () => hire('listen'))
      await Promise.all(workers.map((each) => once(each, 'message')))
      process.kill(pid, 'SIGKILL')
      await Promise.all(workers.map((each) => once(each, 'message'))) // each was told
      const ends = await Promise.all(workers.map((each) => each.terminate()))
      await new Promise((resolve) => setTimeout(resolve, 1000)) // the stores would try again in this time
      console.log(ends.join())
    }
    main()
  `), '1,1,1,1,1,1\n')
})

test(`${name}: the process exits while workers have commands pending`, async (t) => {
  const redis = await start(t, { program })
  for (let round = 0; round < 3; round++) {
    t.is(await script(t, redis, `
      const main = async () => {
        const workers = Array.from({ length: 4 }, () => hire('pend'))
        await Promise.all(workers.map((each) => once(each, 'message')))
        workers.forEach((each) => each.postMessage('go'))
        await Promise.all(workers.map((each) => once(each, 'message')))
        const store = new session.RedisStore({ url })
        for (let n = 0; n < 100; n++) store.get('a').catch(() => {})
        setImmediate(() => process.exit())
      }
      main()
    `), '')
  }
})

test(`${name}: forked processes have their own stores, and one that is killed with commands pending harms nobody`, async (t) => {
  const redis = await start(t, { program })
  const client = redis.client()
  await client.ping()
  const store = new RedisStore({ url: redis.url })
  t.teardown(() => store.close())
  await store.ping()
  const before = await connections(client)
  const children = Array.from({ length: 4 }, (_, n) => fork(worker, ['serve', redis.url, n], { stdio: 'inherit' }))
  t.teardown(() => children.forEach((child) => child.kill('SIGKILL')))
  const answers = await Promise.all(children.map((child) => once(child, 'message')))
  for (const [answer] of answers) t.deepEqual(answer, { right: 500, wrong: 0 })
  t.is(await connections(client), before + 4)
  const [killed, ...others] = children
  const exit = once(killed, 'exit')
  killed.send('pend')
  await once(killed, 'message')
  killed.kill('SIGKILL')
  t.deepEqual(await exit, [null, 'SIGKILL'])
  const ends = others.map((child) => once(child, 'exit'))
  others.forEach((child) => child.send('end'))
  t.deepEqual(await Promise.all(ends), Array(3).fill([0, null]))
  await store.set('parent', { n: 1 }, 60000)
  t.deepEqual(await store.get('parent'), { n: 1 })
  await until('their connections are closed', async () => await connections(client) === before)
})

test(`${name}: processes that change one session at once lose nothing`, async (t) => {
  const redis = await start(t, { program })
  const store = new RedisStore({ url: redis.url })
  t.teardown(() => store.close())
  await store.set('sid:shared', { start: true }, 60000)
  const children = Array.from({ length: 3 }, (_, n) => fork(worker, ['share', redis.url, n], { stdio: 'inherit' }))
  t.teardown(() => children.forEach((child) => child.kill('SIGKILL')))
  const exits = await Promise.all(children.map((child) => once(child, 'exit')))
  t.deepEqual(exits, Array(3).fill([0, null]))
  const shared = await store.get('sid:shared')
  t.is(Object.keys(shared).length, 1 + 3 * 40)
})

test(`${name}: which server ran`, async (t) => {
  t.log((await start(t, { program })).about())
  t.pass()
})
