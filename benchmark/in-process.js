'use strict'

// Requests without sockets: what a middleware adds to a request of bare Koa, which the system calls of HTTP would hide.
// Each round of a cell has a process of its own: what the compiler has learned in one cell says nothing in another, and
// one process is up to 15 % faster or slower than another of the same program, for as long as it lives.

const { askOnce } = require('./child')
const { BARE } = require('./contestants')
const { SIZES } = require('./session-data')

// One user's requests, or those of more users in turn than any cache of parsed sessions is made for.
const MANY = 5000
const cellOf = (action, size, users = 1) => ({
  name: `${action}${size === undefined ? '' : ` ${size}`}${users === 1 ? '' : `, ${users.toLocaleString('en')} users`}`,
  load: { action, bytes: SIZES[size ?? '150 B'], users, requests: size === '10 KB' ? 400 : 2000, slices: 6 }
})

const BARRED = [cellOf('untouched'), cellOf('read', '150 B'), cellOf('change', '150 B'), cellOf('read', '10 KB')]
const OTHERS = [
  cellOf('change', '10 KB'), cellOf('login', '150 B'),
  ...['read', 'change'].flatMap((action) => ['150 B', '10 KB'].map((size) => cellOf(action, size, MANY)))
]

async function run ({ quick, rounds = quick ? 1 : 15, log }) {
  const warmUp = quick ? 12000 : 30000
  const cells = {}
  for (let round = 0; round < rounds; round++) {
    for (const { name, load } of quick ? BARRED : [...BARRED, ...OTHERS]) {
      log(`${name}, round ${round + 1}`)
      const times = await askOnce('in-process-worker.js', { ...load, warmUp })
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
