'use strict'

// How many instructions the engine's hot paths take, as callgrind counts them: they do not depend on what else the machine
// does, so `npm test` holds them to instructions.json. `--write` records them anew.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const RECORD = path.join(__dirname, 'instructions.json')
const PATHS = ['id', 'load', 'commit unchanged', 'commit', 'commit merge']
const TOLERANCE = 0.1
const TIMES = 5000

function run (command, ...args) {
  const { error, status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (error !== undefined || status !== 0) throw error ?? new Error(`${command} ${args.join(' ')}: ${stderr}`)
  return stdout + stderr
}

/** What the counts depend on. */
function environment () {
  const [, target, rustc] = /host: (.*)\nrelease: (.*)/.exec(run('rustc', '-vV'))
  return { rustc, target, glibc: process.report.getReport().header.glibcVersionRuntime ?? 'none' }
}

function collected (program, name, times) {
  const told = run('valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', program, name, times)
  return Number(/Collected : (\d+)/.exec(told)[1])
}

/** Of one time on each path: what twice as many take more. */
function count ({ target }) {
  // The addon is built for a named target: named here, too, most of what both need is compiled once.
  run('cargo', 'build', '--quiet', '--release', '--target', target, '--example', 'hot-paths')
  const program = path.join(__dirname, '../target', target, 'release/examples/hot-paths')
  const once = (name) => Math.round((collected(program, name, 2 * TIMES) - collected(program, name, TIMES)) / TIMES)
  return Object.fromEntries(PATHS.map((name) => [name, once(name)]))
}

function check (recorded) {
  const here = environment()
  const differing = Object.entries(here).filter(([name, value]) => recorded.environment[name] !== value)
  if (differing.length > 0) return `not compared: recorded with another ${differing.map(([name]) => name).join(', ')}`
  if (spawnSync('valgrind', ['--version']).status !== 0) return 'not compared: valgrind is not there'
  const counts = count(here)
  const rows = PATHS.map((name) => `${name}: ${counts[name]} instructions, recorded ${recorded.instructions[name]}`)
  if (PATHS.some((name) => !(counts[name] <= recorded.instructions[name] * (1 + TOLERANCE)))) process.exitCode = 1
  return rows.join('\n')
}

if (process.argv.includes('--write')) {
  const here = environment()
  fs.writeFileSync(RECORD, `${JSON.stringify({ environment: here, instructions: count(here) }, null, 2)}\n`)
}
console.log(check(JSON.parse(fs.readFileSync(RECORD, 'utf8'))))
