'use strict'

// Fills one store, reads it, and lets its sessions expire.

const { randomBytes } = require('node:crypto')
const { setTimeout: delay } = require('node:timers/promises')
const { promisify } = require('node:util')
const { serve } = require('./child')
const { clock } = require('./cpu')
const { median } = require('./ratio')

const BATCH = 1000 // sessions that are written or read in one turn of the event loop
const WARM_UP = 200000
const MOST = 1000000
const READS = 50000
const PAUSE_MS = 1
const TRAFFIC = 10 // sessions that are read in each turn while others expire
const TEXT = JSON.stringify({ user: { id: 1000001, name: 'ann' }, views: 1, at: 1700000000000, csrf: 'Zm9vYmFy' })

const stores = {
  // What the benchmark itself costs, and the machine's own delays.
  nothing: () => ({ get () {}, set () {} }),
  'koa-session-native': () => new (require('..').MemoryStore)({ maxBytes: 4 * 1024 ** 3 }),
  'koa-session-minimal': () => new (require('koa-session-minimal/src/memory_store'))(),
  'koa-generic-session': () => new (require('koa-generic-session/lib/memory_store'))(),
  'express-session' () {
    const store = new (require('express-session').MemoryStore)()
    return { get: promisify(store.get).bind(store), set: (key, session) => store.set(key, session) }
  }
}

// The others never let go of what is not asked for.
const EXPIRING = ['nothing', 'koa-session-native', 'koa-session-minimal']

// Keys are not kept anywhere, since the heap is to be the store's: each is cut anew out of random text.
const random = Buffer.from(randomBytes(Math.ceil((MOST + 24) * 3 / 4)).toString('base64url'))
const keyOf = (n) => `koa:sess:${random.latin1Slice(n, n + 24)}`

/** Runs `step` in turns of the event loop, with pauses, until it returns false; the longest turn, in milliseconds. */
async function longestTurn (step) {
  let longest = 0
  let last = clock()
  while (step() !== false) {
    await delay(PAUSE_MS)
    const now = clock()
    longest = Math.max(longest, now - last - PAUSE_MS)
    last = now
  }
  return longest
}

/** Calls `each` with the numbers below `count`, some in each turn. */
function inBatches (count, each) {
  let n = 0
  return longestTurn(() => {
    for (const end = Math.min(n + BATCH, count); n < end; n++) each(n)
    return n < count
  })
}

const used = () => {
  global.gc()
  global.gc()
  const { rss, heapUsed } = process.memoryUsage()
  return { rss, heapUsed }
}

const gcTime = () => median(Array.from({ length: 3 }, () => {
  const start = clock()
  global.gc()
  return clock() - start
}))

serve(async ({ store: name, count, patience, settleMs }) => {
  const store = stores[name]()
  // As much garbage as the benchmark itself will make, so that it is not counted as the store's.
  const warmUp = performance.now()
  await inBatches(WARM_UP, (n) => keyOf(n) + JSON.parse(TEXT).views)
  const before = used()
  const start = performance.now()
  // Enough to write and to measure before the first expires, however busy the machine is.
  const ttl = 2000 + patience * count / WARM_UP * (start - warmUp)
  const writing = await inBatches(count, (n) => { store.set(keyOf(n), JSON.parse(TEXT), ttl) })
  const written = performance.now()
  const after = used()
  const gc = gcTime()
  const reading = await inBatches(READS, (n) => { store.get(keyOf(n * 7 % count)) })
  if (EXPIRING.includes(name) && performance.now() > start + ttl) throw new Error('the first expired before all was measured')
  if (name !== 'nothing' && (await store.get(keyOf(count - 1)))?.views !== 1) throw new Error('a session is lost')
  const figures = {
    'RSS B': (after.rss - before.rss) / count,
    'heap B': (after.heapUsed - before.heapUsed) / count,
    'GC ms': gc,
    'writing ms': writing,
    'reading ms': reading,
    's to write': (written - start) / 1000
  }
  if (!EXPIRING.includes(name)) return figures
  const gone = written + ttl + settleMs
  const expiring = await longestTurn(() => {
    for (let n = 0; n < TRAFFIC; n++) store.get(keyOf(Math.floor(Math.random() * count)))
    return performance.now() < gone
  })
  if (await store.get(keyOf(count - 1))) throw new Error('a session has not expired')
  return { ...figures, 'expiring ms': expiring, 'RSS B after expiry': (used().rss - before.rss) / count }
})
