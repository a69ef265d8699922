'use strict'

// npm run faults [-- --write]
//
// Runs every fault on every contestant, each in a process of its own, and prints what was seen as a Markdown table;
// `--write` also puts it between the markers in README.md.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')

const { absence } = require('./lab/absent')
const { contestants } = require('./lab/contestants')
const { faults } = require('./lab/list')

const readme = path.join(__dirname, '../../README.md')
const alone = require.resolve('./lab/alone')
const patient = 300000 // no run is this long

const packages = ['koa-session-native', 'koa-session-minimal', 'koa-generic-session', 'koa-session', 'koa-redis', 'express-session', 'connect-redis', 'redis', 'koa', 'express']

/** Runs one fault alone, and answers with the cell. */
async function see (fault, contestant) {
  if (absence(fault, contestant)) return '–'
  const { code, stdout, stderr } = await new Promise((resolve) => {
    execFile(process.execPath, [alone, fault.fault, contestant], { timeout: patient }, (error, stdout, stderr) => {
      resolve({ code: error ? error.code ?? error.signal : 0, stdout, stderr })
    })
  })
  try {
    const { facts, death, broken } = JSON.parse(stdout)
    if (broken) throw new Error(broken)
    if (code !== 0 && death === undefined) throw new Error(`it ended with ${code}`)
    return [fault.cell(facts), death && 'process dies'].filter(Boolean).join(', ')
  } catch (error) {
    throw new Error(`${fault.fault}, on ${contestant}: ${error.message}\n${stdout}\n${stderr}`)
  }
}

/** All of `work`, twice as many at a time as there are processors, since much of it is waiting; the order of the answers is that of the work. */
async function abreast (work, run) {
  const answers = []
  const waiting = work.entries()
  await Promise.all(Array.from({ length: 2 * os.availableParallelism() }, async () => {
    for (const [place, item] of waiting) answers[place] = await run(item)
  }))
  return answers
}

/** Faults that differ in one value, and were seen to have the same results, take one row. */
function rowsOf (cells) {
  const rows = new Map()
  faults.forEach(({ fault }, place) => {
    const [kind, value] = fault.split(': ')
    const seen = cells[place]
    const row = JSON.stringify(value === undefined ? fault : [kind, seen])
    if (!rows.has(row)) rows.set(row, { kind, values: [], seen })
    if (value !== undefined) rows.get(row).values.push(value)
  })
  return Array.from(rows.values(), ({ kind, values, seen }) => [values.length > 0 ? `${kind}: ${values.join(', ')}` : kind, ...seen])
}

const line = (cells) => `| ${cells.join(' | ')} |`

function versions () {
  return packages.map((name) => {
    const file = name === 'koa-session-native' ? '../../package.json' : `../../node_modules/${name}/package.json`
    return `${name} ${JSON.parse(fs.readFileSync(path.join(__dirname, file), 'utf8')).version}`
  }).join(', ')
}

async function main () {
  const { values: { write } } = parseArgs({ options: { write: { type: 'boolean' } } })
  const names = Object.keys(contestants)
  const runs = faults.flatMap((fault) => names.map((name) => ({ fault, name })))
  const seen = await abreast(runs, ({ fault, name }) => see(fault, name))
  const cells = faults.map((_, place) => seen.slice(place * names.length, (place + 1) * names.length))
  const table = [
    line(['fault', ...names]),
    line(['---', ...names.map(() => '---')]),
    ...rowsOf(cells).map(line),
    '',
    `Node ${process.versions.node}; ${versions()}.`
  ].join('\n')
  console.log(table)
  if (!write) return
  const text = fs.readFileSync(readme, 'utf8')
  const between = /(?<=<!-- faults -->\n)[^]*(?=<!-- \/faults -->)/
  if (!between.test(text)) throw new Error('README.md has no <!-- faults --> and <!-- /faults -->, each on a line of its own')
  fs.writeFileSync(readme, text.replace(between, () => `${table}\n`))
}

main()
