'use strict'

const redisStore = require('koa-redis')

const { startRedis } = require('../helpers/redis-server')
const { suite } = require('./suite')

suite(async () => {
  const redis = await startRedis()
  const client = redis.client()
  const store = redisStore({ url: redis.url })
  return {
    store,
    read: async (key) => JSON.parse(await client.get(key)),
    count: () => client.dbsize(),
    mark: (key) => client.persist(key),
    marked: async (key) => await client.pttl(key) === -1,
    async close () {
      await store.quit()
      await redis.stop()
    }
  }
})
