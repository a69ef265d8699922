'use strict'

// Requests without sockets: what a middleware adds to a request of bare Koa, which the system calls of HTTP would hide.
// Each round of a cell has a process of its own: what the compiler has learned in one cell says nothing in another, and
// one process is up to 15 % faster or slower than another of the same program, for as long as it lives.

const { askOnce } = require('./child')
const { BARE } = require('./contestants')
const { SIZES } = require('./session-data')

const CELLS = [['untouched'], ['read', '150 B'], ['change', '150 B'], ['read', '10 KB'], ['change', '10 KB'], ['login', '150 B']]

async function run ({ quick, rounds = quick ? 1 : 15, log }) {
  const warmUp = quick ? 12000 : 30000
  const cells = {}
  for (let round = 0; round < rounds; round++) {
    for (const [action, size] of CELLS.slice(0, quick ? 4 : undefined)) {
      const name = size === undefined ? action : `${action} ${size}`
      log(`${name}, round ${round + 1}`)
      const requests = size === '10 KB' ? 400 : 2000
      const times = await askOnce('in-process-worker.js', { action, bytes: SIZES[size ?? '150 B'], warmUp, slices: 6, requests })
      const cell = cells[name] ??= {}
      for (const [contestant, µs] of Object.entries(times)) (cell[contestant] ??= []).push({ µs })
    }
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
