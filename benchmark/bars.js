'use strict'

// How fast it has to be: each bar has a limit for a figure of some part. `cell` names the cell of that part.

const REDIS = 'koa-session-native, Redis'
const MINIMAL_ON_REDIS = 'koa-session-minimal, koa-redis'
const MILLION = '1,000,000 sessions'

const http = (action, { limit, ...query }) => ({ part: 'http', cell: `${action} 150 B, 32 connections`, limit, query: { of: REDIS, ...query } })
const atLeast = (limit) => ({ at: 'least', value: limit })
const atMost = (limit) => ({ at: 'most', value: limit })

const perSecond = (action, to, limit) => ({
  name: `HTTP, ${action}: requests/s of ${to}'s`, ...http(action, { measure: 'requests/s', to, limit: atLeast(limit) })
})
const cpu = (action, limit) => ({
  name: `HTTP, ${action}: main-thread CPU above bare Koa, of ${MINIMAL_ON_REDIS}'s`,
  ...http(action, { measure: 'CPU µs', to: MINIMAL_ON_REDIS, above: 'bare Koa', limit: atMost(limit) })
})
const client = (op, inFlight, what, measure, to, limit) => ({
  name: `client, ${op}, ${inFlight} in flight: ${what} of ${to}'s`,
  part: 'client',
  cell: `${op}, ${inFlight} in flight`,
  query: { measure, of: 'RedisStore', to },
  limit
})
const inProcess = (cell, of, to, limit) => ({
  name: `in process, ${cell}: time of ${of} above bare Koa, of ${to}'s`,
  part: 'in-process',
  cell,
  query: { measure: 'µs', of, to, above: 'bare Koa' },
  limit: atMost(limit)
})
const memory = (what, measure, limit) => ({
  name: `memory store, ${MILLION}: ${what}`, part: 'memory', cell: MILLION, query: { measure, of: 'koa-session-native' }, limit: atMost(limit)
})
const arrival = (what, measure, limit) => ({
  name: what, part: 'arrival', cell: 'sessions on Redis', query: { measure, of: 'koa-session-native' }, limit: atMost(limit)
})

const OPS = ['get', 'set']

const bars = [
  perSecond('read', MINIMAL_ON_REDIS, 1.5),
  perSecond('change', MINIMAL_ON_REDIS, 1.5),
  cpu('read', 0.4),
  cpu('change', 0.5),
  perSecond('read', 'express-session, connect-redis', 6),
  perSecond('change', 'express-session, connect-redis', 6),
  ...[64, 256].flatMap((inFlight) => OPS.flatMap((op) => [
    client(op, inFlight, 'operations/s', 'ops/s', 'ioredis', atLeast(3)),
    client(op, inFlight, 'operations/s', 'ops/s', 'ioredis, auto-pipelining', atLeast(2)),
    client(op, inFlight, 'main-thread time', 'main µs', 'ioredis', atMost(1 / 3))
  ])),
  ...OPS.flatMap((op) => [
    client(op, 1, 'latency', 'latency µs', 'ioredis', atMost(1)),
    client(op, 1, 'main-thread time', 'main µs', 'ioredis', atMost(0.55))
  ]),
  inProcess('untouched', 'session()', 'koa-session-minimal', 0.4),
  inProcess('read 150 B', 'session()', 'koa-session-minimal', 0.85),
  inProcess('change 150 B', 'session()', 'koa-session-minimal', 0.75),
  inProcess('read 10 KB', 'session()', 'koa-session-minimal', 0.6),
  inProcess('read 10 KB', 'imsession()', 'session()', 0.5),
  memory('bytes of RSS each', 'RSS B', 200),
  memory('bytes of V8 heap each', 'heap B', 1),
  memory('full GC, ms', 'GC ms', 5),
  memory('longest event-loop delay while expiring, ms', 'expiring ms', 10),
  arrival('size of the .node, MB', '.node MB', 4),
  arrival('time to require, ms', 'require ms', 15)
]

/** Does the figure keep to the bar? By its median; the range is for the reader. */
const passes = ({ at, value }, { median }) => at === 'least' ? median >= value : median <= value

module.exports = { bars, passes }
