'use strict'

// A worker thread: `{ url, n, pend }`. Works on stores of its own, tells how many answers were right, and ends; or tells
// that its commands are pending, and has more of them without an end.

const { parentPort, workerData: { url, n, pend } } = require('node:worker_threads')
const { MemoryStore, RedisStore } = require('../../..')

const redis = new RedisStore({ url })
const memory = new MemoryStore()

const isRight = async (store, each) => {
  const key = `thread ${n} ${each}`
  await store.set(key, { n, each }, 60000)
  const found = await store.get(key)
  return found.n === n && found.each === each
}

const work = async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, async (_, each) => {
    return await isRight(memory, each) && await isRight(redis, each)
  }))
  parentPort.postMessage(answers.filter(Boolean).length)
}

const pendForEver = async () => {
  await redis.ping()
  setInterval(() => {
    for (let each = 0; each < 100; each++) redis.get(`pend ${each}`).catch(() => {})
    parentPort.postMessage('pending')
  }, 1)
}

if (pend) pendForEver()
else work()
