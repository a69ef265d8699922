'use strict'

// One client of client.js: the first message names it, each later one asks for a slice of load.

const { serve } = require('./child')
const { mainThread } = require('./cpu')
const { median } = require('./ratio')
const { sessionOf } = require('./session-data')

const KEYS = 1000
const TTL_MS = 3600000

const onIoredis = (options) => (url) => {
  const Redis = require('ioredis')
  const client = new Redis(url, options)
  return {
    get: async (key) => JSON.parse(await client.get(key)),
    set: (key, value) => client.set(key, JSON.stringify(value), 'PX', TTL_MS)
  }
}

const clients = {
  RedisStore (url) {
    const { RedisStore } = require('..')
    const store = new RedisStore({ url })
    return {
      get: (key) => store.get(key),
      set: (key, value) => store.set(key, value, TTL_MS)
    }
  },
  ioredis: onIoredis(),
  'ioredis, auto-pipelining': onIoredis({ enableAutoPipelining: true }),
  async redis (url) {
    const client = await require('redis').createClient({ url }).connect()
    return {
      get: async (key) => JSON.parse(await client.get(key)),
      set: (key, value) => client.set(key, JSON.stringify(value), { PX: TTL_MS })
    }
  }
}

const value = sessionOf(150)
const keys = Array.from({ length: KEYS }, (_, n) => `koa:sess:benchmark-of-the-clients-${n}`)
let client

async function slice ({ op, inFlight, ms }) {
  const end = performance.now() + ms
  const latencies = []
  let ops = 0
  const oneAfterAnother = async () => {
    for (let now = performance.now(); now < end;) {
      value.counter++ // no client is to be spared what a changed session takes to be serialised
      const found = await client[op](keys[ops++ % KEYS], value)
      if (op === 'get' && found.user.name !== 'ann') throw new Error('the session is lost')
      const before = now
      now = performance.now()
      latencies.push(now - before)
    }
  }
  const [start, main, cpu] = [performance.now(), mainThread().ran, process.cpuUsage()]
  await Promise.all(Array.from({ length: inFlight }, oneAfterAnother))
  const used = process.cpuUsage(cpu)
  return {
    'ops/s': ops / (performance.now() - start) * 1000,
    'main µs': (mainThread().ran - main) / ops / 1000,
    'CPU µs': (used.user + used.system) / ops,
    'latency µs': median(latencies) * 1000
  }
}

serve(async ({ name, url, ...load }) => {
  if (name === undefined) return slice(load)
  client = await clients[name](url)
  for (const key of keys) await client.set(key, value)
})
