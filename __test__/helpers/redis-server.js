'use strict'

// A real redis-server (or Valkey) for tests: started on a free port, stopped by its process id.

const { execFileSync, spawn } = require('node:child_process')
const { randomInt } = require('node:crypto')
const { once } = require('node:events')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')

const Redis = require(require.resolve('ioredis', { paths: [require.resolve('koa-redis')] }))

const redis = process.env.REDIS_SERVER || 'redis-server'

/** The kinds of server that are there: `{ name, program }` each. */
const servers = [{ name: 'redis', program: redis }]
if (process.env.VALKEY_SERVER) servers.push({ name: 'valkey', program: process.env.VALKEY_SERVER })

// Those that are there when the process ends: a killed server has no guard any more.
const directories = new Set()
process.once('exit', () => directories.forEach((dir) => fs.rmSync(dir, { recursive: true, force: true })))

const READY = /Ready to accept connections|Sentinel ID is/

// Below the ports that the system gives to outgoing connections: nobody takes it while its server is down.
async function freePort () {
  for (;;) {
    const server = net.createServer().listen(randomInt(10000, 32768), '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch (error) {
      if (error.code === 'EADDRINUSE') continue
      throw error
    }
    const { port } = server.address()
    server.close()
    await once(server, 'close')
    return port
  }
}

class RedisServer {
  #program
  #args
  #config
  #dir
  #process
  #clients = new Set()

  constructor (port, { program = redis, args = [], config } = {}) {
    this.port = port
    this.url = `redis://127.0.0.1:${port}`
    this.#program = program
    this.#args = args
    this.#config = config
  }

  /** A directory that lives until the server is stopped. */
  get dir () {
    if (this.#dir === undefined) {
      this.#dir = fs.mkdtempSync(path.join(os.tmpdir(), 'koa-session-native-redis-'))
      directories.add(this.#dir)
    }
    return this.#dir
  }

  get pid () {
    return this.#process.pid
  }

  get #ended () {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  async start ({ ready = READY } = {}) {
    const file = path.join(this.dir, 'server.conf')
    if (this.#config !== undefined && !fs.existsSync(file)) fs.writeFileSync(file, this.#config)
    const child = this.#process = spawn(this.#program, [
      ...this.#config === undefined ? [] : [file],
      '--bind', '127.0.0.1', '--port', this.port, '--save', '', '--appendonly', 'no', '--dir', this.dir, ...this.#args
    ], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.once('spawn', () => this.#guard(child))
    await new Promise((resolve, reject) => {
      let output = ''
      // Its own word, and not a PING: another server could be answering on a port that this one failed to bind.
      const listen = (data) => {
        output += data
        if (ready.test(output)) resolve()
      }
      child.once('error', reject)
      child.once('close', () => reject(new Error(`${this.#program} ended before it was ready:\n${output}`)))
      child.stdout.on('data', listen)
      child.stderr.on('data', listen)
    })
    for (const stream of [child.stdout, child.stderr]) stream.removeAllListeners('data').resume()
  }

  /** Ends the server with SIGKILL; `restart()` brings it back. */
  kill () {
    return this.#end('SIGKILL')
  }

  pause () {
    process.kill(this.pid, 'SIGSTOP')
  }

  resume () {
    process.kill(this.pid, 'SIGCONT')
  }

  /**
   * The same port again, with the same arguments if no others are given; empty, where nothing is kept on disk.
   * `ready`: what the server has to say before it counts as started.
   */
  async restart ({ args = this.#args, ready } = {}) {
    await this.#end('SIGTERM')
    this.#args = args
    await this.start({ ready })
  }

  /** What runs, in words: `Redis 7.0.15`, `Valkey 9.1.2`. */
  about () {
    const [, kind, version] = /^(\w+) server v=(\S+)/.exec(execFileSync(this.#program, ['--version'], { encoding: 'utf8' }))
    return `${kind} ${version}`
  }

  async stop () {
    this.#clients.forEach((client) => client.disconnect())
    await this.#end('SIGTERM')
    if (this.#dir === undefined) return
    fs.rmSync(this.#dir, { recursive: true, force: true })
    directories.delete(this.#dir)
    this.#dir = undefined
  }

  /** An ioredis client, closed when the server is stopped. */
  client (options) {
    const client = new Redis(this.url, options).on('error', () => {})
    this.#clients.add(client)
    return client
  }

  // However this process ends, its end closes the pipe, and nothing is left behind.
  #guard (child) {
    const guard = spawn('sh', ['-c', 'read _; kill -9 "$0"; rm -rf "$1"', child.pid, this.#dir], {
      stdio: ['pipe', 'ignore', 'ignore']
    })
    child.once('exit', () => guard.kill('SIGKILL'))
  }

  async #end (signal) {
    if (this.#process === undefined || this.#ended) return
    const exit = once(this.#process, 'exit')
    process.kill(this.pid, signal)
    if (signal !== 'SIGKILL') this.resume() // a paused process takes no SIGTERM
    await exit
  }
}

/**
 * Starts a server on 127.0.0.1.
 *
 * - `program`: another one than `REDIS_SERVER`
 * - `args`: added to its command line
 * - `config`: text of a configuration file that the server may rewrite
 */
async function startRedis (options) {
  for (let attempt = 1; ; attempt++) {
    const server = new RedisServer(await freePort(), options)
    try {
      await server.start()
      return server
    } catch (error) {
      await server.stop()
      if (attempt === 5 || !/Address already in use/.test(error.message)) throw error
    }
  }
}

module.exports = { RedisServer, freePort, servers, startRedis }
