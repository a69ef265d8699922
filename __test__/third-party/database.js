'use strict'

// Real databases for tests: in a folder of their own, on a free port of 127.0.0.1, stopped by their process ids.

const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const { guard } = require('../helpers/guard')
const { freePort } = require('../helpers/redis-server')

/** The paths of programs of one installation, on PATH or in these folders; nothing, where there is none. */
function find (programs, folders) {
  return [...process.env.PATH.split(path.delimiter), ...folders]
    .map((folder) => programs.map((program) => path.join(folder, program)))
    .find((files) => files.every((file) => fs.existsSync(file)))
}

// Databases refuse to run as root: there they run as who has no rights at all.
function user () {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'nobody'])))
  return { uid, gid }
}

class Database {
  #child
  #signal

  constructor (signal) {
    this.#signal = signal
    this.user = user()
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'koa-session-native-database-'))
    if (this.user.uid !== undefined) fs.chownSync(this.dir, this.user.uid, this.user.gid)
  }

  /** Starts a program, and waits for its word that it is ready. */
  async start (program, args, ready) {
    this.port = await freePort()
    const child = this.#child = spawn(program, args(this), { ...this.user, cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'] })
    child.once('spawn', () => guard(child, { signal: this.#signal, dir: this.dir }))
    await new Promise((resolve, reject) => {
      let output = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (data) => {
          output += data
          if (ready.test(output)) resolve()
        })
      }
      child.once('error', reject)
      child.once('close', () => reject(new Error(`${program} ended before it was ready:\n${output}`)))
    }).catch(async (error) => {
      await this.stop()
      throw error
    })
    return this
  }

  async stop () {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, 'exit')
      process.kill(this.#child.pid, this.#signal)
      await exit
    }
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}

/** A PostgreSQL with the user and the database `sessions`; nothing, where there is none. */
async function startPostgres () {
  const debian = '/usr/lib/postgresql'
  const versions = fs.existsSync(debian) ? fs.readdirSync(debian) : []
  const found = find(['initdb', 'postgres'], versions.map((version) => `${debian}/${version}/bin`))
  if (found === undefined) return undefined
  const [initdb, postgres] = found

  const database = new Database('SIGQUIT') // at once, and yet it frees its shared memory
  const data = path.join(database.dir, 'data')
  execFileSync(initdb, ['-D', data, '-U', 'sessions', '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C', '--no-sync'], {
    ...database.user, cwd: database.dir, stdio: 'pipe'
  })
  await database.start(postgres, ({ port, dir }) => ['-D', data, '-h', '127.0.0.1', '-p', port, '-k', dir, '-F'], /ready to accept connections/)
  database.url = `postgres://sessions@127.0.0.1:${database.port}/postgres`
  return database
}

/** A MariaDB that asks nobody for a name, with an empty database `sessions`; nothing, where there is none. */
async function startMariaDB () {
  const found = find(['mariadbd'], ['/usr/sbin'])
  if (found === undefined) return undefined

  const database = new Database('SIGKILL')
  const init = path.join(database.dir, 'init.sql')
  fs.writeFileSync(init, 'CREATE DATABASE sessions;\n')
  return database.start(found[0], ({ port, dir }) => [
    '--no-defaults', '--skip-grant-tables', '--bind-address=127.0.0.1', `--port=${port}`, `--socket=${dir}/socket`,
    `--datadir=${dir}`, `--init-file=${init}`, '--character-set-server=utf8mb4', '--innodb-buffer-pool-size=8M'
  ], /ready for connections/)
}

module.exports = { startMariaDB, startPostgres }
