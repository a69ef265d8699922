'use strict'

const session = require('../..')

// A JavaScript store as users write them; `records` has the texts.
const jsStore = () => {
  const records = new Map()
  return {
    records,
    get: async (key) => records.has(key) ? JSON.parse(records.get(key)) : null,
    set: async (key, value) => { records.set(key, JSON.stringify(value)) },
    destroy: async (key) => { records.delete(key) }
  }
}

// Each kind of store, made for one test; `redis` gives the server that is running by then.
const storeKinds = (redis) => ({
  memory: () => new session.MemoryStore(),
  Redis: (t) => {
    const store = new session.RedisStore({ url: redis().url })
    t.teardown(() => store.close())
    return store
  },
  JavaScript: jsStore
})

module.exports = { jsStore, storeKinds }
