'use strict'

// Real sentinels for tests: three of them, that watch a master with two replicas.

const { startRedis } = require('./redis-server')
const { until } = require('./until')

const MASTER = 'sessions'

class Sentinels {
  /** Of the master's group: `master` before any failover. */
  master = MASTER
  /** Sentinels that are killed, and are asked nothing. */
  #away = new Set()
  #clients = new Map()

  constructor (servers, sentinels, { password, sentinelPassword }) {
    Object.assign(this, { servers, sentinels, password, sentinelPassword })
  }

  /** The addresses of the sentinels. */
  get urls () {
    const login = this.sentinelPassword ? `:${this.sentinelPassword}@` : ''
    return this.sentinels.map(({ port }) => `redis://${login}127.0.0.1:${port}`)
  }

  about () {
    return `${this.servers[0].about()}, 1 master, 2 replicas and 3 sentinels`
  }

  /** An ioredis client of one server or sentinel. */
  client (node) {
    if (!this.#clients.has(node)) {
      const password = this.sentinels.includes(node) ? this.sentinelPassword : this.password
      this.#clients.set(node, node.client({ password }))
    }
    return this.#clients.get(node)
  }

  /** The server that the sentinels call the master: most of them. */
  async current () {
    const votes = new Map()
    for (const sentinel of this.#present()) {
      const [, port] = await this.client(sentinel).sentinel('get-master-addr-by-name', MASTER)
      votes.set(port, (votes.get(port) ?? 0) + 1)
    }
    const [[port]] = [...votes].sort(([, a], [, b]) => b - a)
    return this.servers.find((server) => String(server.port) === port)
  }

  async roleOf (server) {
    const [role] = await this.client(server).role()
    return role
  }

  /** Until all sentinels agree on another master than `old`, and it is one. */
  moved (old) {
    return until('the sentinels have another master', async () => {
      const master = await this.current()
      return master !== old && await this.agree(master) && await this.roleOf(master) === 'master' && master
    })
  }

  async agree (master) {
    const answers = await Promise.all(this.#present().map((sentinel) => this.client(sentinel).sentinel('get-master-addr-by-name', MASTER)))
    return answers.every(([, port]) => port === String(master.port))
  }

  /** Until the sentinels see each other, the master and its replicas, all of them well, and the replicas are online. */
  async settled () {
    for (const sentinel of this.sentinels) {
      await until('the sentinels see all', async () => {
        const client = this.client(sentinel)
        const master = fields(await client.sentinel('master', MASTER))
        const replicas = (await client.sentinel('replicas', MASTER)).map(fields)
        return master.flags === 'master' && master['num-other-sentinels'] === '2' &&
          replicas.length === 2 && replicas.every(({ flags, 'master-link-status': link }) => flags === 'slave' && link === 'ok')
      })
    }
    await this.online()
  }

  /** Until the master has both replicas; the sentinels look at those every ten seconds only. */
  online () {
    return until('every replica is online', async () => {
      const about = await this.client(await this.current()).info('replication')
      return about.match(/^slave\d:.*state=online/mg)?.length === 2
    })
  }

  async killSentinel (sentinel) {
    this.#away.add(sentinel)
    await sentinel.kill()
  }

  /** A sentinel comes back with what it knew when it was killed. */
  async restartSentinel (sentinel) {
    await sentinel.restart()
    this.#away.delete(sentinel)
  }

  /** Until a server that came back knows that it is the master no more. */
  demoted (server) {
    return until('the old master is a replica', async () => await this.roleOf(server) === 'slave')
  }

  /** The connections of a server's users: without the sentinels, the replicas and the test's own. */
  async usersOf (server) {
    const client = this.client(server)
    const [own, list] = await Promise.all([client.client('ID'), client.client('LIST', 'TYPE', 'normal')])
    const users = list.trim().split('\n').filter((line) => !/ name=sentinel-/.test(line)).map((line) => /^id=(\d+)/.exec(line)[1])
    return users.filter((id) => id !== String(own))
  }

  async cutUsers (server) {
    const users = await this.usersOf(server)
    await Promise.all(users.map((id) => this.client(server).client('KILL', 'ID', id)))
  }

  async stop () {
    const nodes = [...this.sentinels, ...this.servers]
    await Promise.all(nodes.map((node) => node.kill()))
    await Promise.all(nodes.map((node) => node.stop()))
  }

  #present () {
    return this.sentinels.filter((sentinel) => !this.#away.has(sentinel))
  }
}

const fields = (list) => Object.fromEntries(Array.from({ length: list.length / 2 }, (_, n) => [list[2 * n], list[2 * n + 1]]))

/** Starts three servers and three sentinels; `password` is that of the servers, `sentinelPassword` that of the sentinels. */
async function startSentinels ({ program, password, sentinelPassword } = {}) {
  const [servers, sentinels] = [[], []]
  const group = new Sentinels(servers, sentinels, { password, sentinelPassword })
  const login = password ? ['--requirepass', password, '--masterauth', password] : []
  const args = ['--repl-diskless-sync-delay', '0', ...login]
  try {
    servers.push(...await Promise.all([1, 2, 3].map(() => startRedis({ program, args }))))
    const [first, ...replicas] = servers
    // Not on their command lines: whichever is killed comes back as an empty master.
    await Promise.all(replicas.map((server) => group.client(server).replicaof('127.0.0.1', first.port)))
    const config = [
      `sentinel monitor ${MASTER} 127.0.0.1 ${first.port} 2`,
      `sentinel down-after-milliseconds ${MASTER} 1000`,
      `sentinel failover-timeout ${MASTER} 3000`,
      `sentinel parallel-syncs ${MASTER} 2`,
      ...password ? [`sentinel auth-pass ${MASTER} ${password}`] : [],
      ...sentinelPassword ? [`requirepass ${sentinelPassword}`, `sentinel sentinel-pass ${sentinelPassword}`] : []
    ].join('\n')
    sentinels.push(...await Promise.all([1, 2, 3].map(() => startRedis({ program, config, args: ['--sentinel'] }))))
    await group.settled()
    return group
  } catch (error) {
    await group.stop()
    throw error
  }
}

module.exports = { startSentinels }
