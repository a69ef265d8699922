'use strict'

// `npm run demo [-- --redis redis://127.0.0.1:6379]`: installs and builds what is missing, then serves the view
// counter. It runs before anything is installed, so it requires nothing but Node at first.

const { spawnSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')

const root = path.join(__dirname, '..')
const usage = `Usage: npm run demo [-- OPTIONS]
  --redis redis://127.0.0.1:6379   keeps the sessions on this Redis instead of in memory
  --no-build                       takes what is installed and built as it is
  PORT=3000 in the environment     is the port`

function stop (...lines) {
  console.error(lines.join('\n'))
  process.exit(1)
}

function run (why, command, ...args) {
  console.log(`${why}: ${command} ${args.join(' ')}`)
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) stop(`\`${command} ${args.join(' ')}\` failed: see above.`)
}

const works = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0

/** When a file, or the newest one in a folder, was changed; 0 where there is none. */
function changed (...names) {
  const name = path.join(root, ...names)
  const stat = fs.statSync(name, { throwIfNoEntry: false })
  if (!stat) return 0
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...fs.readdirSync(name).map((entry) => changed(...names, entry)))
}

function install () {
  if (changed('node_modules', '.package-lock.json') < changed('package-lock.json')) run('Installing', 'npm', 'ci')
}

function build () {
  const addons = fs.readdirSync(path.join(root, 'lib')).filter((name) => name.endsWith('.node'))
  const built = changed('lib', 'native.js') && Math.max(0, ...addons.map((name) => changed('lib', name)))
  if (built > Math.max(...['Cargo.toml', 'Cargo.lock', 'src', 'binding'].map((name) => changed(name)))) return
  if (!works('cargo')) {
    stop('The addon is not built yet, and building it takes Rust, which is not here (no `cargo` on PATH).',
      'Install the stable toolchain with rustup (https://rustup.rs), open a new shell, and run this again.')
  }
  if (process.platform === 'linux' && !works('cc')) {
    stop('The addon is not built yet, and building it takes a C linker, which is not here (no `cc` on PATH).',
      'Install one (on Debian: apt-get install gcc libc6-dev), and run this again.')
  }
  run('Building the addon, which takes a few minutes the first time', 'npm', 'run', 'build')
}

function options () {
  try {
    const { values } = parseArgs({
      options: { redis: { type: 'string' }, 'no-build': { type: 'boolean' }, help: { type: 'boolean' } }
    })
    const port = process.env.PORT || '3000'
    if (!/^\d+$/.test(port) || port > 65535) throw new Error(`PORT is '${port}', and not a number from 0 to 65535`)
    return { ...values, port: Number(port) }
  } catch (error) {
    return stop(error.message, usage)
  }
}

async function redisStore (url) {
  const { RedisStore } = require('..')
  let store
  try {
    store = new RedisStore({ url })
  } catch (error) {
    stop(error.message, usage)
  }
  try {
    await store.get('koa-session-native:demo')
    console.log('Redis answers; sessions outlive this app.')
  } catch (error) {
    console.log(`Redis does not answer (${error.message}): until it does, the app answers 503.`)
  }
  return store
}

async function listen (app, port) {
  try {
    const server = app.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  } catch (error) {
    if (!['EADDRINUSE', 'EACCES'].includes(error.code)) throw error
    console.log(`Port ${port} is ${error.code === 'EACCES' ? 'not allowed' : 'taken'}: another is used.`)
    return listen(app, 0)
  }
}

async function main () {
  const { redis, 'no-build': asItIs, help, port } = options()
  if (help) return console.log(usage)
  if (!asItIs) {
    install()
    build()
  }

  const store = redis === undefined ? undefined : await redisStore(redis)
  const server = await listen(require('./counter')(store), port)
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      server.close()
      server.closeAllConnections?.()
      store?.close().catch((error) => stop(error.message))
    })
  }

  const address = `http://127.0.0.1:${server.address().port}`
  console.log(`
The view counter is at ${address}   (Ctrl-C ends it)

In a browser: open it, and load it again; a private window has a count of its own.
With curl, the session's cookie kept in a file:
  curl -b cookies.txt -c cookies.txt ${address}/         counts a view
  curl -b cookies.txt -c cookies.txt ${address}/count    only looks: nothing is written, no cookie is sent
  curl -b cookies.txt -c cookies.txt ${address}/logout   destroys the session
`)
}

main()
