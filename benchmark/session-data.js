'use strict'

// Sessions as applications have them: a user, a counter and a list of small objects; none of it one long string, which
// JSON would copy at once.

const item = (n) => ({ sku: `A-${1000 + n}`, quantity: 1 + n % 5, price: 995 + n })

/** A new session whose JSON has exactly that many bytes. */
function sessionOf (bytes) {
  const session = { user: { id: 1, name: 'ann' }, counter: 0, items: [], note: '' }
  const length = () => JSON.stringify(session).length
  while (length() <= bytes) session.items.push(item(session.items.length))
  session.items.pop()
  session.note = 'x'.repeat(bytes - length())
  return session
}

const SIZES = { '150 B': 150, '1 KB': 1000, '10 KB': 10000 }

module.exports = { SIZES, sessionOf }
