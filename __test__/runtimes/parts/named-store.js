'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')
const path = require('node:path')
const { Worker } = require('node:worker_threads')
const { MemoryStore } = require('../../..')
const { Browser } = require('../../helpers/serve')

const program = path.join(__dirname, '../programs/shared-login.js')

const namedStore = async (scope) => {
  const [store, same, other] = ['logins', 'logins', 'others'].map((name) => new MemoryStore({ name }))
  store.set('of the main thread', { n: 1 }, 60000)
  assert.deepEqual(same.get('of the main thread'), { n: 1 })
  assert.equal(other.get('of the main thread'), undefined)

  const workers = [1, 2].map(() => new Worker(program, { workerData: { name: 'logins' } }))
  scope.teardown(() => Promise.all(workers.map((worker) => worker.terminate())))
  const words = (await Promise.all(workers.map((worker) => once(worker, 'message')))).flat()
  assert.deepEqual(words.map(({ found }) => found), [{ n: 1 }, { n: 1 }])
  assert.deepEqual(store.get('of the worker'), { n: 2 })

  // One user, whose requests reach either thread.
  const [first, second] = words.map(({ url }) => new Browser(url))
  second.cookies = first.cookies
  const see = async (browser, path) => (await browser.get(path)).body
  assert.equal(await see(first, '/login'), 'ada')
  assert.equal(await see(second, '/'), 'ada')
  const { cookie } = first
  assert.equal(await see(second, '/logout'), 'nobody')
  assert.equal((await first.get('/', cookie)).body, 'nobody')

  const ends = workers.map((worker) => once(worker, 'exit'))
  workers.forEach((worker) => worker.postMessage('end'))
  assert.deepEqual((await Promise.all(ends)).flat(), [0, 0])
  assert.deepEqual(store.get('of the worker'), { n: 2 }, 'the store outlives the workers')
}

module.exports = { namedStore }
