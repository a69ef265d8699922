'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')
const path = require('node:path')
const { Worker } = require('node:worker_threads')
const { RedisStore } = require('../../..')
const { until } = require('../../helpers/until')
const { connections } = require('./connections')

const program = path.join(__dirname, '../programs/thread.js')

const threads = async (scope, { url }) => {
  const store = new RedisStore({ url })
  scope.teardown(() => store.close())
  const hire = (workerData) => {
    const worker = new Worker(program, { workerData: { url, ...workerData } })
    scope.teardown(() => worker.terminate())
    return worker
  }

  const workers = Array.from({ length: 4 }, (_, n) => hire({ n }))
  const ends = workers.map((worker) => once(worker, 'exit'))
  const answers = await Promise.all(workers.map((worker) => once(worker, 'message')))
  assert.deepEqual(answers.flat(), Array(4).fill(100))
  assert.deepEqual((await Promise.all(ends)).flat(), Array(4).fill(0), 'workers end by themselves')

  const pending = hire({ pend: true })
  await once(pending, 'message')
  const mine = store.set('main', { n: 1 }, 60000)
  const end = once(pending, 'exit')
  await pending.terminate()
  await end
  await mine
  assert.deepEqual(await store.get('main'), { n: 1 })

  await until('the connections of ended workers are closed', async () => await connections(url) === 1, { within: 5000 })
}

module.exports = { threads }
