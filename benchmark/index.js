'use strict'

// npm run bench [-- --quick] [-- --only http,in-process,client,memory,arrival] [-- --strict]
//
// Measures this package beside its peers, and prints ratios and which bars they pass. `--quick` takes under a minute and
// writes nothing; else what was run goes into results/, as JSON and as a chart. `--strict`: exit code 1 if a bar fails.

const fs = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { drawChart } = require('./chart')
const { machine } = require('./machine')
const { barsText, figuresOf, judge, tableText } = require('./report')

const PARTS = ['http', 'in-process', 'client', 'memory', 'arrival']
const RESULTS = path.join(__dirname, 'results')
const LATEST = path.join(RESULTS, 'latest.json')

const { values: { quick, only, strict } } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, strict: { type: 'boolean', default: false } }
})

const wanted = only?.split(',') ?? PARTS
for (const name of wanted) {
  if (!PARTS.includes(name)) throw new Error(`--only: there is no part ${name}; there are ${PARTS.join(', ')}`)
}

/** Runs one part, and prints its tables. */
async function measure (name) {
  const { run, tables } = require(`./${name}`)
  const log = (what) => console.error(`${name}: ${what}`)
  const cells = await run({ quick, log })
  const figures = tables.map((table) => figuresOf(table, cells))
  console.log(['', ...figures.map(tableText).filter(Boolean)].join('\n'))
  return { machine: machine(), figures, cells }
}

/** Writes what was measured over what an earlier run has left of the same parts, and draws it. */
function keep (results) {
  const before = fs.existsSync(LATEST) ? JSON.parse(fs.readFileSync(LATEST, 'utf8')).results : {}
  const all = { ...before, ...results }
  fs.mkdirSync(RESULTS, { recursive: true })
  fs.writeFileSync(LATEST, `${JSON.stringify({ bars: judge(all), results: all }, null, 1)}\n`)
  drawChart(all, RESULTS)
}

async function main () {
  const results = {}
  for (const name of PARTS.filter((part) => wanted.includes(part))) {
    results[name] = await measure(name)
    if (!quick) keep(results) // what is measured is not lost if a later part is cut off
  }
  const judged = judge(results)
  console.log(barsText(judged))
  if (strict && judged.some(({ passed }) => passed === false)) process.exitCode = 1
}

main()
