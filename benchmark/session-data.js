'use strict'

// Sessions as applications have them: a user, a counter and a list of small objects; none of it one long string, which
// JSON would copy at once.

const item = (n) => ({ sku: `A-${1000 + n}`, quantity: 1 + n % 5, price: 995 + n })

const session = (items, note) => ({ user: { id: 1, name: 'ann' }, counter: 0, items: Array.from({ length: items }, (_, n) => item(n)), note })
const lengthOf = (value) => JSON.stringify(value).length

/** A new session whose JSON has exactly that many bytes. */
function sessionOf (bytes) {
  if (!shapes.has(bytes)) shapes.set(bytes, shapeOf(bytes))
  return session(...shapes.get(bytes))
}
const shapes = new Map() // by bytes: finding one out takes longer than all that a login does

const shapeOf = (bytes) => {
  let items = 0
  while (lengthOf(session(items + 1, '')) <= bytes) items++
  return [items, 'x'.repeat(bytes - lengthOf(session(items, '')))]
}

const SIZES = { '150 B': 150, '1 KB': 1000, '10 KB': 10000 }

module.exports = { SIZES, sessionOf }
