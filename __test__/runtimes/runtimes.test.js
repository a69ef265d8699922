'use strict'

const test = require('ava')
const { startRedis } = require('../helpers/redis-server')
const { install, runtimes } = require('./install')
const { columns, smokeOn } = require('./smoke-on')

const nodes = runtimes.filter(({ name }) => name.startsWith('node@'))

for (const runtime of [nodes.at(0), nodes.at(-1)].filter(Boolean)) {
  test.serial(runtime.name, async (t) => {
    t.timeout(200000, 'the download may take its time')
    let binary
    try {
      binary = await install(runtime)
    } catch (error) {
      if (!error.offline) throw error
      t.log('not run: it is not in .runtimes/, and the registry cannot be reached')
      return t.pass()
    }
    const redis = await startRedis()
    t.teardown(() => redis.stop())
    const { version, results, stderr } = await smokeOn(runtime, binary, redis.url)
    t.log(version)
    t.deepEqual(results.map((result, n) => `${columns[n]}: ${result}`), columns.map((column) => `${column}: ok`), stderr)
  })
}
