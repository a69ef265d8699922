'use strict'

// What it costs to have the package: the time to require it in a new process, and the bytes on disk, all dependencies
// included.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { askOnce } = require('./child')
const { alternate } = require('./ratio')

const OURS = 'koa-session-native'
const ROOT = path.dirname(require.resolve('../package.json'))

// What an application with sessions on Redis requires.
const contestants = {
  [OURS]: [ROOT],
  'koa-session-minimal, koa-redis': ['koa-session-minimal', 'koa-redis'],
  'koa-generic-session, koa-redis': ['koa-generic-session', 'koa-redis'],
  'koa-session, ioredis': ['koa-session', 'ioredis'],
  'express-session, connect-redis': ['express-session', 'connect-redis', 'redis'],
  '@fastify/session, connect-redis': ['@fastify/session', '@fastify/cookie', 'connect-redis', 'redis']
}
const PEERS = Object.keys(contestants).slice(1)

const manifestOf = (dir) => JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8'))

/** The directory of a package as `from` sees it; not by require.resolve, which `exports` may forbid. */
function directoryOf (name, from) {
  for (let dir = from; ; dir = path.dirname(dir)) {
    const found = path.join(dir, 'node_modules', name)
    if (fs.existsSync(found)) return found
    if (dir === path.dirname(dir)) throw new Error(`${name} is not installed`)
  }
}

const sizeOf = (dir) => fs.readdirSync(dir, { withFileTypes: true }).reduce((sum, entry) => {
  const file = path.join(dir, entry.name)
  if (!entry.isDirectory()) return sum + fs.statSync(file).size
  return entry.name === 'node_modules' ? sum : sum + sizeOf(file)
}, 0)

/** The addon for this platform, which a package of its own brings. */
function addonSize () {
  const lib = path.join(ROOT, 'lib')
  const [file] = fs.readdirSync(lib).filter((name) => name.endsWith('.node'))
  return fs.statSync(path.join(lib, file)).size
}

/** Our own directory has more in it than is published. */
function publishedSize () {
  const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  return addonSize() + files.filter(({ path }) => !path.endsWith('.node')).reduce((sum, { size }) => sum + size, 0)
}

/** Bytes of packages and all that they depend on. */
function installedSize (names) {
  const seen = new Set()
  let total = 0
  const add = (dir) => {
    if (seen.has(dir)) return
    seen.add(dir)
    total += dir === ROOT ? publishedSize() : sizeOf(dir)
    Object.keys(manifestOf(dir).dependencies ?? {}).forEach((name) => add(directoryOf(name, dir)))
  }
  names.forEach((name) => add(name === ROOT ? ROOT : directoryOf(name, ROOT)))
  return total
}

async function run ({ quick, rounds = quick ? 3 : 11, log }) {
  log('require')
  const sizes = Object.fromEntries(Object.entries(contestants).map(([name, packages]) => [name, installedSize(packages)]))
  const cell = { name: 'sessions on Redis', contestants: Object.keys(contestants).slice(0, quick ? 2 : undefined) }
  return alternate(rounds, [cell], async (name) => ({
    'require ms': await askOnce('arrival-worker.js', contestants[name]),
    'installed MB': sizes[name] / 1e6,
    ...name === OURS && { '.node MB': addonSize() / 1e6 }
  }))
}

const against = (measure) => PEERS.map((to) => ({ label: to, measure, of: OURS, to }))

const tables = [
  { title: `time to require ${OURS}, relative to`, columns: against('require ms') },
  { title: `installed size of ${OURS}, relative to`, columns: against('installed MB') },
  { title: OURS, columns: ['require ms', 'installed MB', '.node MB'].map((measure) => ({ label: measure, measure, of: OURS })) }
]

module.exports = { run, tables }
