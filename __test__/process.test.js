'use strict'

const test = require('ava')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { ownRedis } = require('./helpers/own-redis')
const { startRedis } = require('./helpers/redis-server')

const main = require.resolve('..')
// Runs a program to its natural end; a process that lives on is killed, and fails the test.
const run = async (t, program, { before = '', wrap = [] } = {}) => {
  const source = `${before}; const session = require(${JSON.stringify(main)}); const url = ${JSON.stringify(ownRedis().url)}; ${program}`
  const [command, ...args] = [...wrap, process.execPath, '-e', source]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const watchdog = setTimeout(() => child.kill('SIGKILL'), 20000)
  const [output, [code, signal]] = await Promise.all([child.stdout.toArray(), once(child, 'exit')])
  clearTimeout(watchdog)
  t.deepEqual([code, signal], [0, null], 'the process ends by itself')
  return Buffer.concat(output).toString()
}

test('a memory store with sessions holds no process open', async (t) => {
  t.is(await run(t, `
    const store = new session.MemoryStore()
    store.set('a', { n: 1 }, 30 * 24 * 3600 * 1000)
    console.log(store.get('a').n)
  `), '1\n')
})

test('an idle Redis store that was never closed holds no process open', async (t) => {
  t.is(await run(t, `
    const store = new session.RedisStore({ url })
    store.set('idle', { n: 1 }, 60000).then(() => store.get('idle')).then(({ n }) => console.log(n))
  `), '1\n')
})

test('pending work keeps the process alive until it is done', async (t) => {
  await run(t, `
    const store = new session.RedisStore({ url })
    for (let n = 0; n < 100; n++) store.set('pending' + n, { n }, 60000)
  `)
  const client = ownRedis().client()
  t.is((await client.keys('pending*')).length, 100)
})

test('process.exit() with work pending does not crash', async (t) => {
  await run(t, `
    const store = new session.RedisStore({ url })
    for (let n = 0; n < 100; n++) store.get('exit' + n)
    setImmediate(() => process.exit())
  `)
})

test('a store that can reach no server does not hold the process open', async (t) => {
  t.is(await run(t, `
    const store = new session.RedisStore({ url: 'redis://127.0.0.1:1' })
    store.get('a').catch(({ code }) => console.log(code))
  `), 'ERR_SESSION_STORE\n')
})

test('timers that were mocked before the package is loaded stop neither the store nor its events', async (t) => {
  const program = `
    const store = new session.RedisStore({ url })
    store.set('mocked', { n: 1 }, 60000).then(() => Promise.all(Array.from({ length: 20 }, () => store.get('mocked')))).then(({ length }) => console.log(length, store.status))
  `
  t.is(await run(t, program, { before: 'global.setImmediate = global.queueMicrotask = () => {}' }), '20 ready\n')
})

const onLinux = process.platform === 'linux' ? test : test.skip

onLinux('where the system has no file left for the I/O thread, commands fail, and succeed as soon as it has', async (t) => {
  t.is(await run(t, `
    const fs = require('node:fs')
    const files = []
    const store = new session.RedisStore({ url })
    try {
      for (;;) files.push(fs.openSync('/dev/null'))
    } catch {}
    Promise.allSettled(Array.from({ length: 5 }, () => store.get('no file'))).then(async (settled) => {
      for (const file of files) fs.closeSync(file)
      await store.set('a file', { n: 1 }, 60000)
      console.log(settled.every(({ reason }) => reason?.code === 'ERR_SESSION_STORE'), settled[0].reason.message, await store.get('a file'))
    })
  `, { wrap: ['sh', '-c', 'ulimit -n 100; exec "$0" "$@"'] }), 'true the session store is unreachable: the system gives no thread or event queue to reach it: Too many open files (os error 24) { n: 1 }\n')
})

test('a panic in Rust is an error in JavaScript, and the process goes on', (t) => {
  const native = require('../lib/native')
  t.throws(() => native.resolve(99, 0, '{}', '{}', '{}'), { message: /index out of bounds/ })
  t.throws(() => native.resolve(native.Plan.Save, 3, '{}', '{}', '{}'), { message: /index out of bounds/ })
  t.throws(() => native.memoryCommit(native.memoryOpen(), 99, 0, 'key', undefined, undefined, '{}', 1, 0), { message: /index out of bounds/ })
})

test('what is no handle, or no string, is an error in JavaScript', (t) => {
  const native = require('../lib/native')
  const { memoryLoad, memoryOpen } = native
  for (const handle of [undefined, {}, native.ioOpen(() => {})]) t.throws(() => memoryLoad(handle, 'key'), { code: 'InvalidArg' })
  for (const key of [undefined, 7, {}]) t.throws(() => memoryLoad(memoryOpen(), key), { code: 'StringExpected' })
  t.is(memoryLoad(memoryOpen(), 'key', 'one too many'), null)
})

test('a listener that throws keeps no answer from anybody', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  t.is(await run(t, `
    const store = new session.RedisStore({ url: '${server.url}' })
    const thrown = []
    process.on('uncaughtException', ({ message }) => thrown.push(message))
    process.on('unhandledRejection', () => thrown.push('as a rejection'))
    store.on('disconnect', () => { throw new Error('of the listener') })
    store.set('a', { n: 1 }, 60000).then(async () => {
      process.kill(${server.pid}, 'SIGSTOP')
      const answers = [store.get('a'), store.get('a'), store.get('a')]
      setImmediate(() => process.kill(${server.pid}, 'SIGKILL'))
      const settled = await Promise.allSettled(answers)
      await store.close()
      console.log(settled.map(({ status }) => status).join(), thrown.join())
    })
  `), 'rejected,rejected,rejected of the listener\n')
})

test('worker threads have stores of their own on the one I/O thread, and may end with work pending', async (t) => {
  t.is(await run(t, `
    const { Worker } = require('node:worker_threads')
    const { once } = require('node:events')
    const source = \`
      const { parentPort, workerData: { main, url, n } } = require('node:worker_threads')
      const { RedisStore, MemoryStore } = require(main)
      const store = new RedisStore({ url })
      new MemoryStore().set('a', { n }, 60000)
      store.set('worker' + n, { n }, 60000).then(() => store.get('worker' + n)).then((found) => {
        parentPort.postMessage(found.n)
        for (let i = 0; i < 100; i++) store.get('worker' + n)
        if (n % 2) process.exit()
      })
    \`
    const work = async (n) => {
      const worker = new Worker(source, { eval: true, workerData: { main: ${JSON.stringify(main)}, url, n } })
      const [[found], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')])
      return found === n && code === 0
    }
    Promise.all(Array.from({ length: 8 }, (_, n) => work(n))).then((ok) => console.log(ok.every(Boolean)))
  `), 'true\n')
})
