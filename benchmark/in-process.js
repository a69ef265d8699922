'use strict'

// Requests without sockets: what a middleware adds to a request of bare Koa, which the system calls of HTTP would hide.
// Each cell has a process of its own, so that what the compiler has learned in one says nothing in another.

const { askOnce } = require('./child')
const { BARE } = require('./contestants')
const { SIZES } = require('./session-data')

const CELLS = [['untouched'], ['read', '150 B'], ['change', '150 B'], ['read', '10 KB'], ['change', '10 KB'], ['login', '150 B']]

async function run ({ quick, rounds = quick ? 5 : 9, log }) {
  const cells = {}
  for (const [action, size] of CELLS.slice(0, quick ? 4 : undefined)) {
    const name = size === undefined ? action : `${action} ${size}`
    log(name)
    const slices = quick ? 2 : 6
    const requests = (size === '10 KB' ? 400 : 2000) / (quick ? 2 : 1)
    cells[name] = await askOnce('in-process-worker.js', { action, bytes: SIZES[size ?? '150 B'], rounds, slices, requests })
  }
  return cells
}

const MINIMAL = 'koa-session-minimal'
const aboveBare = { measure: 'µs', above: BARE }

const tables = [{
  title: 'time per request above bare Koa, all on memory',
  columns: [
    { label: `session() to ${MINIMAL}`, of: 'session()', to: MINIMAL, ...aboveBare },
    { label: `imsession() to ${MINIMAL}`, of: 'imsession()', to: MINIMAL, ...aboveBare },
    { label: 'imsession() to session()', of: 'imsession()', to: 'session()', ...aboveBare },
    { label: `${MINIMAL}, µs`, of: MINIMAL, ...aboveBare },
    { label: 'session(), µs', of: 'session()', ...aboveBare },
    { label: 'imsession(), µs', of: 'imsession()', ...aboveBare }
  ]
}]

module.exports = { run, tables }
