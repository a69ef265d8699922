'use strict'

// The Redis clients alone: `get` and `set` of a session, JSON included, with some number of commands in flight. Each
// client has a process of its own, which gets the machine for one slice at a time.

const { execFile } = require('node:child_process')
const { promisify } = require('node:util')
const { startRedis } = require('../__test__/helpers/redis-server')
const { start } = require('./child')
const { alternate } = require('./ratio')

const OURS = 'RedisStore'
const PEERS = ['ioredis', 'ioredis, auto-pipelining', 'redis']
const LIMIT = 'redis-benchmark -P 64'
const IN_FLIGHT = [1, 16, 64, 256]

/** What the server can do at most. */
async function limit (port, op) {
  const { stdout } = await promisify(execFile)('redis-benchmark', ['-p', port, '-t', op, '-n', 300000, '-r', 1000, '-d', 150, '-P', 64, '--csv'])
  return { 'ops/s': Number(stdout.trim().split('\n').at(-1).split(',')[1].replaceAll('"', '')) }
}

async function run ({ quick, rounds = quick ? 3 : 15, log }) {
  const ms = quick ? 120 : 250
  const redis = await startRedis()
  const workers = {}
  const cells = ['get', 'set'].flatMap((op) => (quick ? [1, 64] : IN_FLIGHT).map((inFlight) => ({
    name: `${op}, ${inFlight} in flight`, contestants: [OURS, ...PEERS, ...quick || inFlight === 1 ? [] : [LIMIT]], op, inFlight
  })))
  try {
    for (const name of [OURS, ...PEERS]) {
      workers[name] = start('client-worker.js')
      await workers[name].ask({ name, url: redis.url })
    }
    log('to warm up')
    for (const { op, inFlight } of cells) {
      for (const worker of Object.values(workers)) await worker.ask({ op, inFlight, ms: ms / 2 })
    }
    return await alternate(rounds, cells, (name, { op, inFlight, ...cell }, round) => {
      if (name === OURS) log(`${cell.name}, round ${round + 1}`)
      return name === LIMIT ? limit(redis.port, op) : workers[name].ask({ op, inFlight, ms })
    })
  } finally {
    await Promise.all(Object.values(workers).map((worker) => worker.stop()))
    await redis.stop()
  }
}

const against = (measure, peers = PEERS) => peers.map((to) => ({ label: to, measure, of: OURS, to }))

const tables = [
  { title: `operations/s of ${OURS}, relative to`, columns: against('ops/s', [...PEERS, LIMIT]) },
  { title: `main-thread time per operation of ${OURS}, relative to`, columns: against('main µs') },
  { title: `whole-process CPU per operation of ${OURS}, relative to`, columns: against('CPU µs') },
  { title: `latency (p50) of ${OURS}, relative to`, columns: against('latency µs') }
]

module.exports = { run, tables }
