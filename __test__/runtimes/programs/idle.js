'use strict'

// Uses stores, and leaves them idle and open.

const { MemoryStore, RedisStore } = require('../../..')

const main = async () => {
  const memory = new MemoryStore()
  const redis = new RedisStore({ url: process.argv[2] })
  memory.set('idle', { n: 1 }, 60000)
  await redis.set('idle', { n: 2 }, 60000)
  console.log(memory.get('idle').n, (await redis.get('idle')).n)
}
main()
