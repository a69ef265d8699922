'use strict'

// npm run test:runtimes [-- node@18 bun ...]
//
// Runs the smoke program on each runtime, or on those that are named, and prints a Markdown table of what it saw. What is
// in .runtimes/ is used as it is: without it, the newest versions are installed.

const { startRedis } = require('../helpers/redis-server')
const { install, runtimes } = require('./install')
const { columns, smokeOn } = require('./smoke-on')

const named = process.argv.slice(2)

const row = (cells) => `| ${cells.join(' | ')} |`

const main = async () => {
  const unknown = named.filter((name) => !runtimes.some((runtime) => runtime.name === name))
  if (unknown.length > 0) throw new Error(`${unknown}: there are ${runtimes.map(({ name }) => name).join(', ')}`)
  const chosen = runtimes.filter(({ name }) => named.length === 0 || named.includes(name))
  const redis = await startRedis()
  const seen = []
  try {
    for (const runtime of chosen) {
      const binary = await install(runtime)
      const start = performance.now()
      const result = await smokeOn(runtime, binary, redis.url)
      console.error(`${runtime.name}: ${result.ok ? 'ok' : `failed\n${result.stderr}`} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
      seen.push(result)
    }
  } finally {
    await redis.stop()
  }
  console.log([
    row(['runtime', ...columns]),
    row(['---', ...columns.map(() => '---')]),
    ...seen.map(({ version, results }) => row([version, ...results]))
  ].join('\n'))
  if (!seen.every(({ ok }) => ok)) process.exitCode = 1
}
main()
