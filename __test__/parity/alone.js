'use strict'

// Runs one scenario in this process, which it may end: node alone.js <scenario> <side> <Koa>. Prints the lines as JSON.

const { writeSync } = require('node:fs')
const { run } = require('./harness')
const scenarios = require('./scenarios')
const { mask } = require('./transcript')

const [name, side, koa] = process.argv.slice(2)
const scenario = scenarios.find((each) => each.name === name)
const served = []
let lines

process.on('exit', () => writeSync(1, JSON.stringify(lines || mask(served.flatMap((visit) => visit.lines)))))

run(scenario, { side, koa, over: scenario.over[0], served }).then((all) => { lines = all })
