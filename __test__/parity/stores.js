'use strict'

// What a scenario runs over. Each opens a store for one run: { options, settle(), records(), close() }, where `options`
// are what session() is given besides the scenario's own, `settle` waits for what koa-session-minimal leaves floating,
// and `records` are what the store holds: [{ key, text, ttl }].

const redisStore = require('koa-redis')
const { callLine } = require('./transcript')

const ttlOfSeeds = 86400000

/** How a JavaScript store may answer; `work` is done when the answer is used. */
const answers = {
  'plain values': (work) => work(),
  promises: (work) => new Promise((resolve) => setImmediate(resolve)).then(work),
  'async functions': async (work) => work(),
  generators: function * (work) { return yield Promise.resolve(work()) },
  thunks: (work) => (callback) => process.nextTick(() => callback(null, work()))
}

/** A JavaScript store that writes down its calls. */
function spy ({ records: seeds = {}, answers: kind = 'plain values', live, finds, instead = {} }, { note, isLive }) {
  const held = new Map(Object.entries(seeds).map(([key, text]) => [key, { key, text, ttl: ttlOfSeeds }]))
  const pending = []
  const method = (name, work) => function (...args) {
    note(callLine(name, args) + (this === store ? '' : ' without its store as this'))
    if (name === 'set' && !isLive(args[1])) note('with a copy of the session')
    const answer = instead[name] ? instead[name](...args) : answers[kind](() => work(...args))
    pending.push(answer)
    return answer
  }
  const find = (key) => {
    if (finds) return finds(key)
    const record = held.get(key)
    return record && (live ? record.session : JSON.parse(record.text))
  }
  const store = {
    get: method('get', find),
    set: method('set', (key, session, ttl) => { held.set(key, { key, session, text: JSON.stringify(session), ttl }) }),
    destroy: method('destroy', (key) => { held.delete(key) })
  }
  return {
    options: { store },
    settle: () => Promise.allSettled(pending),
    records: () => Array.from(held.values()),
    close () {}
  }
}

/** What both kinds of Redis store have in common: a clean database, seeded, and read at the end. */
async function onRedis (redis, seeds = {}) {
  const client = redis.client()
  await client.flushall()
  for (const [key, text] of Object.entries(seeds)) await client.set(key, text, 'PX', ttlOfSeeds)
  const record = async (key) => ({ key, text: await client.get(key), ttl: await client.pttl(key) })
  return {
    settle () {},
    records: async () => Promise.all((await client.keys('*')).map(record)),
    close: () => client.quit()
  }
}

/** koa-redis, its commands written down as the calls that they stand for. */
async function koaRedis ({ records }, { redis, note }) {
  const shared = await onRedis(redis, records)
  const client = redis.client()
  await client.ping()
  const pending = []
  const calls = {
    get: (key) => ['get', key],
    setex: (key, seconds, text) => ['set', key, text, seconds * 1000],
    del: (key) => ['destroy', key]
  }
  const send = client.sendCommand
  client.sendCommand = function (command, ...rest) {
    if (command.name !== 'quit') {
      const [name, ...args] = calls[command.name](...command.args)
      note(callLine(name, args))
      pending.push(command.promise)
    }
    return send.call(this, command, ...rest)
  }
  return {
    ...shared,
    options: { store: redisStore({ client }) },
    settle: () => Promise.allSettled(pending),
    close: () => Promise.all([shared.close(), client.quit()])
  }
}

/** The memory store that each side takes when it is given none. */
function memory () {
  return { settle () {}, records: () => [], close () {} }
}

/** The Redis store that each side would use: koa-redis, or this package's own. */
async function ownRedis ({ records }, { side, sides, redis }) {
  const { RedisStore } = sides[side]
  const shared = await onRedis(redis, records)
  const client = RedisStore || redis.client()
  const store = RedisStore ? new RedisStore({ url: redis.url }) : redisStore({ client })
  return {
    ...shared,
    options: { store },
    settle: () => RedisStore || client.ping(), // answered after what was sent before it
    close: () => Promise.all([shared.close(), RedisStore ? store.close() : client.quit()])
  }
}

module.exports = { 'a JavaScript store': spy, 'koa-redis': koaRedis, 'its own memory store': memory, 'its own Redis store': ownRedis }
