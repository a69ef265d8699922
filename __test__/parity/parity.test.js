'use strict'

const test = require('ava')
const { execFile } = require('node:child_process')
const { promisify } = require('node:util')

const { startRedis } = require('../helpers/redis-server')
const { depart, departing } = require('./departures')
const { koas, run } = require('./harness')
const scenarios = require('./scenarios')
const stores = require('./stores')

let redis

test.before(async () => {
  redis = await startRedis()
  // koa-session-minimal's memory store leaves a timer of a day behind for each session.
  const { registerCompletionHandler } = await import('ava')
  registerCompletionHandler(() => process.exit())
})

test.after.always(() => redis?.stop())

/** In a process of its own: the way in which that ends is a line, too. */
async function runAlone ({ name }, { side, koa }) {
  const args = [require.resolve('./alone'), name, side, koa]
  const { stdout, stderr, code = 0 } = await promisify(execFile)(process.execPath, args).catch((error) => error)
  const end = code && `the process ends with code ${code}: ${/^\w*Error: .*/m.exec(stderr)}`
  return [...JSON.parse(stdout), ...end ? [end] : []]
}

for (const scenario of scenarios) {
  test.serial(scenario.name, async (t) => {
    for (const koa of Object.keys(koas)) {
      for (const over of scenario.over || Object.keys(stores)) {
        const runOn = (side) => (scenario.alone ? runAlone : run)(scenario, { side, koa, over, redis })
        const ours = await runOn('koa-session-native')
        const expected = depart(scenario.name, over, await runOn('koa-session-minimal'))
        t.deepEqual(ours, expected, `on ${koa} over ${over}`)
      }
    }
  })
}

test('every departure names a scenario', (t) => {
  const names = scenarios.map(({ name }) => name)
  t.deepEqual(departing.filter((name) => !names.includes(name)), [])
})
