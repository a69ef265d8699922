'use strict'

const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')

const { guard } = require('../helpers/guard')
const { next } = require('../helpers/until')

const root = path.join(__dirname, '../..')

/** The commands that an example's first lines give, joined there by `&&`. */
function commandsOf (name) {
  const [, given] = /`((?:node|npx) [^`]+)`/.exec(fs.readFileSync(path.join(root, 'examples', name), 'utf8'))
  return given.split(' && ').map((command) => command.split(' '))
}

/**
 * Runs an example until the test ends, by the command that it gives for itself, on a free port of its own choice. Its
 * `url`, its `child`, and `printed(pattern)`, which waits for output. `redis`: the URL for the one that it names.
 */
async function start (t, name, { redis } = {}) {
  const options = { cwd: root, env: { ...process.env, PORT: '0' } }
  const commands = commandsOf(name).map((words) => words.map((word) => word.startsWith('redis://') ? redis : word))
  const [, ...args] = commands.pop()
  for (const [command, ...rest] of commands) execFileSync(command, rest, options)

  const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] })
  child.once('spawn', () => guard(child))
  const closed = once(child, 'close')
  let output = ''
  child.stdout.on('data', (data) => { output += data })
  t.teardown(() => {
    child.kill('SIGKILL')
    return closed
  })

  const printed = async (pattern) => {
    for (;;) {
      const found = pattern.exec(output)
      if (found) return found
      if (child.stdout.closed) throw new Error(`${name} has ended, and printed ${output}`)
      await Promise.race([next(child.stdout, 'data'), closed])
    }
  }
  const [url] = await printed(/http:\S+\d(?=\/\n)/)
  return { url, child, closed, printed }
}

module.exports = { start }
