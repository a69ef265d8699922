'use strict'

// The runtimes that this machine can run, each from the npm package that carries its binary, in .runtimes/<name>: never
// as dependencies, since npm's own `node` package would take over PATH.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')

const folder = path.join(__dirname, '../../.runtimes')
const PATIENCE_MS = 120000
const UNREACHABLE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT)\b/

const { platform, arch } = process
process.report.excludeNetwork = true // it would look up names
const libc = platform !== 'linux' ? '' : process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'

const node = (version) => ({
  name: `node@${version}`,
  package: `node-${platform}-${arch}`,
  there: libc !== 'musl',
  version,
  binary: 'bin/node'
})

const bun = {
  name: 'bun',
  package: `@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}${libc === 'musl' ? '-musl' : ''}`,
  there: true,
  version: 'latest',
  binary: 'bin/bun'
}

const deno = {
  name: 'deno',
  package: `@deno/${platform}-${arch}${libc && '-glibc'}`,
  there: libc !== 'musl',
  version: 'latest',
  binary: 'deno',
  args: ['run', '--allow-all', '--no-lock', '--cached-only'],
  env: { DENO_DIR: path.join(folder, 'deno/cache'), DENO_NO_UPDATE_CHECK: '1' }
}

const runtimes = [...['18', '20', '22', '24', 'latest'].map(node), bun, deno].filter(({ there }) => there)

/** The path of the runtime's binary; installs it where it is not there yet. An error is `offline` when the registry cannot be reached. */
async function install (runtime) {
  const home = path.join(folder, runtime.name)
  const binary = path.join(home, 'node_modules', runtime.package, runtime.binary)
  if (fs.existsSync(binary)) return binary
  const unfinished = `${home}.${process.pid}`
  try {
    await npmInstall(unfinished, `${runtime.package}@${runtime.version}`)
    fs.rmSync(home, { recursive: true, force: true })
    fs.renameSync(unfinished, home)
  } finally {
    fs.rmSync(unfinished, { recursive: true, force: true })
  }
  return binary
}

async function npmInstall (prefix, spec) {
  const options = ['--prefix', prefix, '--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund', '--fetch-retries=1', '--fetch-retry-mintimeout=1000']
  fs.mkdirSync(prefix, { recursive: true })
  try {
    await promisify(execFile)('npm', ['install', ...options, spec], { timeout: PATIENCE_MS })
  } catch (error) {
    const message = `npm install ${spec}: ${error.killed ? 'ETIMEDOUT' : error.stderr}`
    throw Object.assign(new Error(message), { offline: UNREACHABLE.test(message) })
  }
}

module.exports = { install, runtimes }
