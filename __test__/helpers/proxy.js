'use strict'

// A proxy between a store and its server that delays, cuts and drips what the server says.

const { once } = require('node:events')
const net = require('node:net')

class Proxy {
  /** Connections that were ever made. */
  accepted = 0
  /** Milliseconds by which replies are late. */
  delay = 0
  /** Do replies come in single bytes? */
  drip = false
  #pairs = new Set()
  #held
  #left = Infinity

  constructor (port) {
    this.server = net.createServer((client) => this.#join(client, net.connect(port, '127.0.0.1')))
  }

  get port () {
    return this.server.address().port
  }

  get url () {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Connections that are open. */
  get open () {
    return this.#pairs.size
  }

  async start () {
    await once(this.server.listen(0, '127.0.0.1'), 'listening')
    return this
  }

  async stop () {
    this.server.close()
    this.cut()
    await once(this.server, 'close')
  }

  /** Resets every connection. */
  cut () {
    for (const pair of this.#pairs) pair.forEach(reset)
  }

  /** Lets so many more bytes of replies through, then resets every connection, once; resolves when it has. */
  cutAfter (bytes) {
    this.#left = bytes
    return once(this.server, 'cut')
  }

  /** Keeps replies back from here on; resolves at the first. Commands go on to the server. */
  hold () {
    this.#held = []
    return once(this.server, 'held')
  }

  /** Lets go what was kept back, as far as the connections are still there. */
  release () {
    const held = this.#held
    this.#held = undefined
    held.forEach((send) => send())
  }

  #join (client, server) {
    const pair = [client, server]
    this.accepted++
    this.#pairs.add(pair)
    const part = () => {
      this.#pairs.delete(pair)
      pair.forEach((socket) => socket.destroy())
    }
    for (const socket of pair) socket.setNoDelay().on('error', () => {}).once('close', part)
    client.pipe(server, { end: false })
    let last = Promise.resolve()
    server.on('data', (data) => { last = last.then(() => this.#reply(client, data)) })
  }

  async #reply (client, data) {
    if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay))
    if (this.#held !== undefined) {
      this.#held.push(() => this.#pass(client, data))
      this.server.emit('held')
    } else {
      await this.#pass(client, data)
    }
  }

  async #pass (client, data) {
    if (client.destroyed) return
    if (data.length > this.#left) {
      client.write(data.subarray(0, this.#left), () => {
        this.cut()
        this.server.emit('cut')
      })
      this.#left = Infinity
    } else if (this.drip) {
      let at = 0
      for (; this.drip && at < data.length && !client.destroyed; at++) {
        client.write(data.subarray(at, at + 1))
        await new Promise(setImmediate)
      }
      if (!client.destroyed) client.write(data.subarray(at))
    } else {
      client.write(data)
    }
    if (this.#left !== Infinity) this.#left -= data.length
  }
}

// Node loses the handle of a socket that is reset while it is shutting down (libuv refuses, and nobody closes it): the
// worker thread that it is in then never ends, and spins.
const reset = (socket) => socket.writableEnded ? socket.destroy() : socket.resetAndDestroy()

/** A proxy on a free port to the server at `port`. */
const startProxy = (port) => new Proxy(port).start()

module.exports = { startProxy }
