'use strict'

// How many instructions the engine's hot paths take, as callgrind counts them: they do not depend on what else the machine
// does, so `npm test` holds them to instructions.json. `--write` records them anew.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const RECORD = path.join(__dirname, 'instructions.json')
const PROGRAM = path.join(__dirname, '../target/release/examples/hot-paths')
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

function collected (name, times) {
  const told = run('valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', PROGRAM, name, times)
  return Number(/Collected : (\d+)/.exec(told)[1])
}

/** Of one time on each path: what twice as many take more. */
function count () {
  run('cargo', 'build', '--quiet', '--release', '--example', 'hot-paths')
  return Object.fromEntries(PATHS.map((name) => [name, Math.round((collected(name, 2 * TIMES) - collected(name, TIMES)) / TIMES)]))
}

function check (recorded) {
  const differing = Object.entries(environment()).filter(([name, value]) => recorded.environment[name] !== value)
  if (differing.length > 0) return `not compared: recorded with another ${differing.map(([name]) => name).join(', ')}`
  if (spawnSync('valgrind', ['--version']).status !== 0) return 'not compared: valgrind is not there'
  const counts = count()
  const rows = PATHS.map((name) => `${name}: ${counts[name]} instructions, recorded ${recorded.instructions[name]}`)
  if (PATHS.some((name) => !(counts[name] <= recorded.instructions[name] * (1 + TOLERANCE)))) process.exitCode = 1
  return rows.join('\n')
}

if (process.argv.includes('--write')) {
  fs.writeFileSync(RECORD, `${JSON.stringify({ environment: environment(), instructions: count() }, null, 2)}\n`)
}
console.log(check(JSON.parse(fs.readFileSync(RECORD, 'utf8'))))
