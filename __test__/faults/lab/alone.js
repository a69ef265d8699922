'use strict'

// Runs one fault on one contestant in this process, which may be the end of it: node alone.js <fault> <contestant>.
// Prints what was seen until then as JSON.

const { writeSync } = require('node:fs')

const { Lab, runFault } = require('./lab')
const { faults } = require('./list')

const [name, contestant] = process.argv.slice(2)
const lab = new Lab(contestant, { timed: true })
const report = { facts: lab.facts }

process.on('uncaughtExceptionMonitor', (error) => { report.death = String(error?.message ?? error) })

process.on('exit', () => {
  lab.finish()
  writeSync(1, JSON.stringify(report))
})

runFault(faults.find(({ fault }) => fault === name), lab)
  .catch((error) => { report.broken = error.stack })
  .finally(() => process.exit()) // koa-session-minimal's timers hold the process for a day
