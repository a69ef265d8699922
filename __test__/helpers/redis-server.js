'use strict'

// A real redis-server for tests: started on a free port, stopped by its process id.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')

const Redis = require(require.resolve('ioredis', { paths: [require.resolve('koa-redis')] }))

const program = process.env.REDIS_SERVER || 'redis-server'

async function freePort () {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

class RedisServer {
  #args
  #dir
  #process
  #clients = new Set()

  constructor (port, args) {
    this.port = port
    this.url = `redis://127.0.0.1:${port}`
    this.#args = args
  }

  get pid () {
    return this.#process.pid
  }

  get #ended () {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  async start () {
    this.#dir ||= fs.mkdtempSync(path.join(os.tmpdir(), 'koa-session-native-redis-'))
    const child = this.#process = spawn(program, [
      '--bind', '127.0.0.1', '--port', this.port, '--save', '', '--appendonly', 'no', '--dir', this.#dir, ...this.#args
    ], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.once('spawn', () => this.#guard(child))
    await new Promise((resolve, reject) => {
      let output = ''
      // Its own word, and not a PING: another server could be answering on a port that this one failed to bind.
      const listen = (data) => {
        output += data
        if (/Ready to accept connections|Sentinel ID is/.test(output)) resolve()
      }
      child.once('error', reject)
      child.once('close', () => reject(new Error(`${program} ended before it was ready:\n${output}`)))
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

  /** The same port and arguments again; empty, for nothing is kept on disk. */
  async restart () {
    await this.#end('SIGTERM')
    await this.start()
  }

  async stop () {
    this.#clients.forEach((client) => client.disconnect())
    await this.#end('SIGTERM')
    if (this.#dir) fs.rmSync(this.#dir, { recursive: true, force: true })
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
    if (this.#ended) return
    const exit = once(this.#process, 'exit')
    process.kill(this.pid, signal)
    if (signal !== 'SIGKILL') this.resume() // a paused process takes no SIGTERM
    await exit
  }
}

/** Starts a redis-server on 127.0.0.1; `args` are added to its command line. */
async function startRedis ({ args = [] } = {}) {
  for (let attempt = 1; ; attempt++) {
    const server = new RedisServer(await freePort(), args)
    try {
      await server.start()
      return server
    } catch (error) {
      await server.stop()
      if (attempt === 5 || !/Address already in use/.test(error.message)) throw error
    }
  }
}

module.exports = { startRedis }
