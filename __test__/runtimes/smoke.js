'use strict'

// <runtime> smoke.js <redis url> [the runtime's own arguments]
//
// Says what it runs on, then runs each part and says how it went; then it has to end by itself.

const { setTimeout: delay } = require('node:timers/promises')
const { parts } = require('./parts')
const { Scope } = require('./scope')

const PART_MS = 15000

const [url, ...runtimeArgs] = process.argv.slice(2)

const [runtime, version] = ['deno', 'bun', 'node'].map((name) => [name, process.versions[name]]).find(([, version]) => version)

const run = async (part) => {
  const scope = new Scope()
  const limit = new AbortController()
  const late = delay(PART_MS, undefined, { signal: limit.signal }).then(() => { throw new Error(`not within ${PART_MS} ms`) })
  try {
    await Promise.race([part(scope, { url, runtimeArgs }), late])
  } finally {
    limit.abort()
    await scope.end()
  }
}

const main = async () => {
  console.log(`${runtime} ${version}`)
  for (const [name, part] of Object.entries(parts)) {
    try {
      await run(part)
      console.log(`ok ${name}`)
    } catch (error) {
      console.error(error)
      console.log(`failed ${name}: ${error.message.split('\n')[0]}`)
      process.exitCode = 1
    }
  }
}
main()
