'use strict'

// A real cluster for tests: three masters, each with a replica, formed by CLUSTER commands.

const { freePort, startRedis } = require('./redis-server')
const { until } = require('./until')

const SLOTS = 16384
const MASTERS = 3

class Cluster {
  /** Nodes that are killed or paused, and are asked nothing. */
  #away = new Set()
  #clients = new Map()
  #password

  constructor (nodes, password) {
    this.nodes = nodes
    this.#password = password
  }

  /** The addresses of all nodes. */
  get urls () {
    return this.nodes.map(({ port }) => `redis://${this.#password ? `:${this.#password}@` : ''}127.0.0.1:${port}`)
  }

  about () {
    return `${this.nodes[0].about()} cluster, 3 masters and 3 replicas`
  }

  /** An ioredis client of one node. */
  client (node) {
    if (!this.#clients.has(node)) this.#clients.set(node, node.client({ password: this.#password }))
    return this.#clients.get(node)
  }

  /** The node that is the master of a key's slot, as most of the others that can be asked see it. */
  async ownerOf (key) {
    const slot = await this.slotOf(key)
    const votes = new Map()
    for (const node of this.#present()) {
      for (const [from, to, [, port]] of await this.client(node).cluster('SLOTS')) {
        if (slot >= from && slot <= to) votes.set(port, (votes.get(port) ?? 0) + 1)
      }
    }
    const [[port] = []] = [...votes].sort(([, a], [, b]) => b - a)
    return this.nodes.find((node) => node.port === port)
  }

  slotOf (key) {
    return this.client(this.#present()[0]).cluster('KEYSLOT', key)
  }

  /** The id by which the cluster knows a node. */
  idOf (node) {
    return this.client(node).cluster('MYID')
  }

  async kill (node) {
    this.#away.add(node)
    await node.kill()
  }

  async restart (node) {
    await node.restart()
    this.#away.delete(node)
  }

  pause (node) {
    this.#away.add(node)
    node.pause()
  }

  resume (node) {
    node.resume()
    this.#away.delete(node)
  }

  /** Kills, pauses the node that owns a key, and answers with it. */
  async killOwner (key) {
    const node = await this.ownerOf(key)
    await this.kill(node)
    return node
  }

  async pauseOwner (key) {
    const node = await this.ownerOf(key)
    this.pause(node)
    return node
  }

  /** Until the key's slot has another master than `old`. */
  moved (key, old) {
    return until('another master has the slot', async () => {
      const owner = await this.ownerOf(key)
      return owner !== undefined && owner !== old && /^role:master\r$/m.test(await this.client(owner).info('replication')) && owner
    })
  }

  /** Until every node that can be asked says that the cluster is well, and, with all nodes there, each master has its replica. */
  async settled () {
    for (const node of this.#present()) {
      await until(`the cluster is ok for ${node.port}`, async () => {
        return /^cluster_state:ok\r$/m.test(await this.client(node).cluster('INFO'))
      })
    }
    if (this.#away.size > 0) return
    await until('every replica is online', async () => {
      const about = await Promise.all(this.nodes.map((node) => this.client(node).info('replication')))
      return about.filter((info) => /^slave0:.*state=online/m.test(info)).length === MASTERS &&
        about.filter((info) => /^master_link_status:up\r$/m.test(info)).length === this.nodes.length - MASTERS
    })
  }

  async stop () {
    await Promise.all(this.nodes.map((node) => node.kill()))
    await Promise.all(this.nodes.map((node) => node.stop()))
  }

  async form () {
    const clients = this.nodes.map((node) => this.client(node))
    const bounds = Array.from({ length: MASTERS + 1 }, (_, n) => Math.floor(n * SLOTS / MASTERS))
    // Epochs that differ from the start: the nodes need not settle that among themselves.
    await Promise.all(clients.map((client, n) => client.cluster('SET-CONFIG-EPOCH', n + 1)))
    await Promise.all(clients.slice(0, MASTERS).map((client, n) => client.cluster('ADDSLOTSRANGE', bounds[n], bounds[n + 1] - 1)))
    const [first, ...others] = this.nodes
    for (const node of others) await this.client(first).cluster('MEET', '127.0.0.1', node.port, node.busPort)
    const ids = await Promise.all(this.nodes.map((node) => this.idOf(node)))
    for (const client of clients) {
      await until('the nodes know each other', async () => {
        const known = await client.cluster('NODES')
        return ids.every((id) => known.includes(id)) && !/handshake|noaddr/.test(known)
      })
    }
    await Promise.all(clients.slice(MASTERS).map((client, n) => client.cluster('REPLICATE', ids[n])))
    await this.settled()
  }

  #present () {
    return this.nodes.filter((node) => !this.#away.has(node))
  }
}

/** Starts six servers and makes a cluster of them; with `password`, all ask for it. */
async function startCluster ({ program, password } = {}) {
  const nodes = []
  const cluster = new Cluster(nodes, password)
  try {
    nodes.push(...await Promise.all(Array.from({ length: 2 * MASTERS }, async () => {
      const busPort = await freePort()
      const node = await startRedis({
        program,
        args: [
          '--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-node-timeout', '2000',
          '--cluster-port', busPort, '--repl-diskless-sync-delay', '0',
          ...password ? ['--requirepass', password, '--masterauth', password] : []
        ]
      })
      return Object.assign(node, { busPort })
    })))
    await cluster.form()
    return cluster
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

module.exports = { startCluster }
