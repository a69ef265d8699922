'use strict'

// What the worker threads and processes of workers.test.js do: `new Worker(..., { workerData: { url, task } })`, or
// node worker.js <task> <url> <n>.

const { on, once } = require('node:events')
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')
const Koa = require('koa')
const session = require('../..')

const [task, url, n] = isMainThread ? process.argv.slice(2) : [workerData.task, workerData.url, workerData.n]
const tell = (message) => isMainThread ? process.send(message) : parentPort.postMessage(message)
const port = isMainThread ? process : parentPort

const store = new session.RedisStore({ url, commandTimeoutMs: 20000 }) // what is tested here is not how long it takes

const tasks = {
  // Writes and reads sessions of its own, tells how many were right, and waits for the word to end or to pend.
  async serve () {
    const answers = await Promise.all(Array.from({ length: 500 }, async (_, each) => {
      const key = `worker ${n} ${each}`
      await store.set(key, { n, each }, 60000)
      const found = await store.get(key)
      return found.n === n && found.each === each
    }))
    tell({ right: answers.filter(Boolean).length, wrong: answers.filter((answer) => !answer).length })
    const [word] = await once(port, 'message')
    if (word === 'pend') return pend()
    if (isMainThread) process.disconnect()
    else parentPort.close()
  },

  // Tells that it is there, and, at a word, that a thousand commands are pending.
  async pend () {
    await store.ping()
    const word = once(port, 'message')
    tell('ready')
    await word
    pend()
  },

  // Ends with a hundred commands pending.
  async end () {
    await store.ping()
    for (let each = 0; each < 100; each++) store.set(`end ${each}`, { each }, 60000).catch(() => {})
    if (workerData.by === 'exit') process.exit()
    if (workerData.by === 'throw') throw new Error('as told')
  },

  // Tells when the store is ready, and when it has lost its server.
  async listen () {
    for (const name of ['connect', 'error', 'reconnecting']) store.on(name, () => {})
    store.once('disconnect', () => tell('disconnected'))
    await store.ping()
    tell('ready')
    setInterval(() => store.get('a').catch(() => {}), 1)
  },

  // A process that at each word starts workers, has them pend and terminates them.
  async parent () {
    await store.ping()
    tell('ready')
    for await (const [word] of on(process, 'message')) {
      if (word === 'end') break
      const workers = Array.from({ length: 4 }, () => new Worker(__filename, { workerData: { url, task: 'pend' } }))
      await Promise.all(workers.map((each) => once(each, 'message')))
      const pending = workers.map((each) => once(each, 'message'))
      workers.forEach((each) => each.postMessage('go'))
      await Promise.all(pending)
      await Promise.all(workers.map((each) => each.terminate()))
      await store.ping()
      tell('ended')
    }
    process.disconnect()
  },

  // Forty requests on the one session, each of which adds a name of its own.
  async share () {
    const app = new Koa().use(session({ store, key: 'sid' })).use((ctx) => {
      ctx.session[`${n}-${ctx.query.each}`] = true
      ctx.body = 'done'
    })
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address()
    const answers = await Promise.all(Array.from({ length: 40 }, (_, each) => {
      return fetch(`http://127.0.0.1:${port}/?each=${each}`, { headers: { cookie: 'sid=shared' } })
    }))
    server.close()
    server.closeAllConnections()
    process.disconnect()
    if (answers.some(({ status }) => status !== 200)) process.exitCode = 1
  }
}

// Has a thousand commands pending from here on, for as long as it lives.
const pend = () => {
  const ask = async (each) => {
    for (;;) await store.get(`pend ${each}`)
  }
  for (let each = 0; each < 1000; each++) ask(each).catch(() => {})
  setImmediate(() => tell('pending'))
}

tasks[task]()
