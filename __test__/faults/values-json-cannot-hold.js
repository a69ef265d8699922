'use strict'

const { outcome, together } = require('./lab/outcome')

// More levels than any thread's stack holds; a worker's is four times the main thread's.
const levels = 100000

const nested = () => {
  let value = {}
  for (let level = 0; level < levels; level++) value = { value }
  return value
}

const circular = () => {
  const value = {}
  value.value = value
  return value
}

const values = {
  'a BigInt': [() => 1n, 'session.user.big cannot be stored in a session: it is a BigInt'],
  'a circular object': [circular, 'session.user.big.value cannot be stored in a session: it contains itself'],
  'a getter that throws': [() => ({ get value () { throw new Error('no value') } }), 'session.user.big.value cannot be stored in a session: reading it throws'],
  'a `toJSON` that throws': [() => ({ toJSON () { throw new Error('no JSON') } }), 'session.user.big cannot be stored in a session: reading it throws'],
  [`${levels.toLocaleString('en')} levels`]: [nested, /^session\.user\.big(\.value)+.* cannot be stored in a session: it is nested too deeply$/]
}

const failure = { status: 500, errors: ['ERR_SESSION_SERIALIZE'] }

module.exports = Object.entries(values).map(([name, [make, message]]) => ({
  fault: `a value that JSON cannot hold: ${name}`,
  async run (lab) {
    const put = (exchange) => {
      exchange.session.added = true
      exchange.session.user = { big: make() }
    }
    const user = await lab.login()
    await lab.observe('change', user, put)
    lab.facts.message = lab.lastError && (typeof message === 'string' ? lab.lastError.message : message.test(lab.lastError.message))
    await lab.observe('create', lab.browser(), put)
    await lab.observe('after', user, ({ session }) => [session.user === 'ann', 'added' in session])
    lab.facts.records = await lab.store.size()
  },
  cell: ({ change, after }) => {
    const kept = after?.status === 200 && after.body[0] && !after.body[1]
    const afterwards = after && (after.status !== 200 ? `then ${outcome(after)} each time` : kept && change.status === 200 && 'lost')
    return together(outcome(change), afterwards)
  },
  guarantee: {
    change: failure,
    message: typeof message === 'string' ? message : true,
    create: failure,
    after: { status: 200, body: [true, false] },
    records: 1
  }
}))
