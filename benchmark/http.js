'use strict'

// Requests over HTTP from wrk: requests/s, latency, and what the server's main thread spends on one.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')
const { startRedis } = require('../__test__/helpers/redis-server')
const { bars } = require('./bars')
const { start } = require('./child')
const { BARE, contestants } = require('./contestants')
const { mainThread } = require('./cpu')
const { alternate } = require('./ratio')
const { SIZES } = require('./session-data')

const LOGINS_AT_ONCE = 20
const SECONDS = 1
const OURS = 'koa-session-native, Redis'
const OURS_IN_MEMORY = 'koa-session-native, memory'
const QUICK = [BARE, OURS, 'koa-session-minimal, koa-redis', 'express-session, connect-redis']

const cellsOf = (actions) => actions.flatMap((action) => [32, 256].flatMap((connections) => Object.keys(SIZES).map((size) => {
  return { name: `${action} ${size}, ${connections} connections`, action, connections, size }
})))

const CELLS = cellsOf(['read', 'change', 'untouched'])

// They come last, the smallest first: the sessions that they leave behind are a burden to the stores in memory.
const LOGINS = cellsOf(['login']).sort((a, b) => SIZES[a.size] - SIZES[b.size])

// What has a bar has four times as many turns: a second of a busy machine says little.
const hasBar = ({ name }) => bars.some(({ part, cell }) => part === 'http' && cell === name)
const BARRED = CELLS.filter(hasBar)
const OTHERS = CELLS.filter((cell) => !hasBar(cell))
const ALL = OTHERS.flatMap((cell, n) => n % 4 === 0 ? [...BARRED, cell] : [cell])

/** A contestant that is running, with the cookies of its users. */
class Running {
  cookieFiles = {}

  constructor (child, port, dir) {
    Object.assign(this, { child, dir, url: `http://127.0.0.1:${port}` })
  }

  static async start (name, redis, dir) {
    const child = start('server.js')
    return new Running(child, await child.ask({ name, url: redis.url }), dir)
  }

  async logIn (users, size) {
    const cookies = []
    while (cookies.length < users) {
      cookies.push(...await Promise.all(Array.from({ length: LOGINS_AT_ONCE }, () => this.newCookie(size))))
    }
    this.cookieFiles[size] = path.join(this.dir, `${this.child.pid} ${size}`)
    fs.writeFileSync(this.cookieFiles[size], cookies.join('\n'))
  }

  async newCookie (size) {
    const { headers, ok } = await fetch(`${this.url}/login/${SIZES[size]}`)
    if (!ok) throw new Error('a login failed')
    return headers.getSetCookie().map((line) => line.split(';')[0]).join('; ') || 'none=0' // bare Koa has none
  }

  async load ({ action, connections, size }) {
    const target = action === 'login' ? `/login/${SIZES[size]}` : `/${action}`
    const cookies = action === 'login' ? [] : [this.cookieFiles[size]]
    const before = mainThread(this.child.pid).ran
    const { stdout } = await promisify(execFile)('wrk', [
      '-t', 1, '-c', connections, '-d', SECONDS, '-s', path.join(__dirname, 'wrk.lua'), this.url + target, '--', ...cookies
    ])
    const cpu = mainThread(this.child.pid).ran - before
    const { requests, us, p50, p99, failed } = JSON.parse(stdout.trim().split('\n').at(-1))
    if (failed > 0 || requests === 0) return { failed }
    return { 'requests/s': requests / us * 1e6, 'p50 µs': p50, 'p99 µs': p99, 'CPU µs': cpu / requests / 1000 }
  }
}

async function run ({ quick, rounds = quick ? 2 : 5, log }) {
  const names = quick ? QUICK : Object.keys(contestants)
  const redis = await startRedis()
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'koa-session-native-bench-'))
  const servers = {}
  const running = async (cells) => {
    log('to warm up')
    for (const cell of quick ? [] : new Set(cells)) await Promise.all(Object.values(servers).map((server) => server.load({ ...cell, connections: 4 })))
    return alternate(rounds, cells.map((cell) => ({ ...cell, contestants: names })), (name, cell, turn) => {
      if (name === BARE) log(`${cell.name}, turn ${turn + 1}`)
      return servers[name].load(cell)
    })
  }
  try {
    for (const name of names) {
      log(`starting ${name}`)
      servers[name] = await Running.start(name, redis, dir)
      for (const size of quick ? ['150 B'] : Object.keys(SIZES)) await servers[name].logIn(quick ? 200 : 1000, size)
    }
    return quick ? await running(BARRED) : { ...await running(ALL), ...await running(LOGINS) }
  } finally {
    await Promise.all(Object.values(servers).map(({ child }) => child.stop()))
    await redis.stop()
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

const against = (of, peers, measure, above) => peers.map((to) => ({ label: to, measure, of, to, above }))
const peersOnRedis = Object.keys(contestants).slice(4).filter((name) => !name.endsWith('memory'))
const peersInMemory = ['koa-session-minimal, memory', 'express-session, memory']

const tables = [
  { title: `requests/s of ${OURS}, relative to`, columns: against(OURS, [BARE, ...peersOnRedis], 'requests/s') },
  { title: `main-thread CPU per request above bare Koa, of ${OURS}, relative to`, columns: against(OURS, peersOnRedis, 'CPU µs', BARE) },
  { title: `p50 latency of ${OURS}, relative to`, columns: against(OURS, [BARE, ...peersOnRedis], 'p50 µs') },
  { title: `p99 latency of ${OURS}, relative to`, columns: against(OURS, [BARE, ...peersOnRedis], 'p99 µs') },
  { title: `requests/s of ${OURS_IN_MEMORY}, relative to`, columns: against(OURS_IN_MEMORY, [BARE, ...peersInMemory], 'requests/s') },
  { title: `main-thread CPU per request above bare Koa, of ${OURS_IN_MEMORY}, relative to`, columns: against(OURS_IN_MEMORY, peersInMemory, 'CPU µs', BARE) }
]

module.exports = { run, tables }
