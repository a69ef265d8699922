'use strict'

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { RedisStore } = require('../../..')

const PATIENCE_MS = 10000

const ends = async (scope, { url, runtimeArgs }) => {
  // Answers with what the program printed once it has ended by itself.
  const run = async (name, ...args) => {
    const program = path.join(__dirname, '../programs', name)
    const child = spawn(process.execPath, [...runtimeArgs, program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    const watchdog = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
    let output = ''
    child.stdout.on('data', (data) => { output += data })
    const end = await once(child, 'close')
    clearTimeout(watchdog)
    assert.deepEqual(end, [0, null], `${name} ${args.slice(1)} ends by itself`)
    return output
  }

  assert.equal(await run('idle.js', url), '1 2\n')
  assert.equal(await run('unreachable.js'), 'ERR_SESSION_STORE\n')
  await run('pending.js', url, 'exit')

  await run('pending.js', url, 'wait')
  const store = new RedisStore({ url })
  scope.teardown(() => store.close())
  const found = await Promise.all(Array.from({ length: 100 }, (_, n) => store.get(`wait ${n}`)))
  assert.deepEqual(found.map((each) => each?.n), Array.from({ length: 100 }, (_, n) => n))
}

module.exports = { ends }
