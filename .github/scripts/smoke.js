'use strict'

// node .github/scripts/smoke.js PLATFORM
//
// Loads the addon, which has to be the one of PLATFORM, and runs the parts of __test__/runtimes that need no Redis: what
// can be run wherever there is a binary. Needs the dependencies, and koa.

const assert = require('node:assert/strict')
const path = require('node:path')
const { setTimeout: delay } = require('node:timers/promises')
const { parts } = require('../../__test__/runtimes/parts')
const { Scope } = require('../../__test__/runtimes/scope')
const { platforms } = require('./platforms')

const WITHOUT_REDIS = ['memory store', 'Redis is away', 'JavaScript store', 'ESM import', 'named memory store']
const PART_MS = 30000

const [name] = process.argv.slice(2)

const main = async () => {
  const platform = platforms.find((each) => each.name === name)
  assert.ok(platform, `${name}: one of ${platforms.map((each) => each.name).join(', ')} expected`)
  const loaded = Object.keys(require.cache).filter((file) => file.endsWith('.node')).map((file) => path.basename(file))
  assert.deepEqual(loaded, [platform.file])
  console.log(`${loaded} on Node ${process.versions.node}, ${process.platform} ${process.arch}`)

  for (const part of WITHOUT_REDIS) {
    const scope = new Scope()
    const limit = new AbortController()
    const late = delay(PART_MS, undefined, { signal: limit.signal }).then(() => { throw new Error(`${part}: not within ${PART_MS} ms`) })
    try {
      await Promise.race([parts[part](scope, { runtimeArgs: [] }), late])
    } finally {
      limit.abort()
      late.catch(() => {})
      await scope.end()
    }
    console.log(`ok ${part}`)
  }
}
main()
