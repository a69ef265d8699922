'use strict'

// Stores in memory, full of sessions: what one costs, and what they do to the event loop. Each in a new process.

const { askOnce } = require('./child')
const { alternate } = require('./ratio')

const OURS = 'koa-session-native'
const NOTHING = 'nothing'
const PEERS = ['koa-session-minimal', 'koa-generic-session', 'express-session']

const COUNTS = [200000, 1000000]

async function run ({ quick, rounds = quick ? 1 : 5, log }) {
  // Our store may take nine seconds to free what has expired.
  const pace = quick ? { patience: 2, settleMs: 2000 } : { patience: 10, settleMs: 11000 }
  const cells = COUNTS.slice(quick ? 1 : 0).map((count) => ({
    name: `${count.toLocaleString('en')} sessions`, contestants: quick ? [OURS] : [NOTHING, OURS, ...PEERS], count
  }))
  return alternate(rounds, cells, async (store, { name, count }, round) => {
    log(`${name}, ${store}, round ${round + 1}`)
    try {
      return await askOnce('memory-worker.js', { store, count, ...pace }, { execArgv: ['--expose-gc', '--max-old-space-size=8192'] })
    } catch (error) {
      log(error.message)
      return { failed: error.message }
    }
  })
}

const MEASURES = ['RSS B', 'heap B', 'GC ms', 'writing ms', 'reading ms', 'expiring ms', 'RSS B after expiry']

const tables = [
  ...[OURS, ...PEERS, NOTHING].map((of) => ({
    title: `${of}: bytes per session, a full GC, the longest delays of the event loop`,
    columns: MEASURES.map((measure) => ({ label: measure, measure, of }))
  })),
  { title: `RSS per session of ${OURS}, relative to`, columns: PEERS.map((to) => ({ label: to, measure: 'RSS B', of: OURS, to })) }
]

module.exports = { run, tables }
