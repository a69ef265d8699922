'use strict'

// Requests load one session, and only then each changes a key of its own.

const { slowly } = require('./lab/handlers')

const many = 20
const numbers = Array.from({ length: many }, (_, number) => number)

module.exports = [
  {
    fault: `${many} parallel requests, each adding its own key`,
    async run (lab) {
      const user = await lab.login()
      const all = lab.gate()
      let inside = 0
      await Promise.all(numbers.map((number) => lab.observe(number, user.copy(), async (exchange) => {
        const { session } = exchange
        if (++inside === many) all.open()
        await all
        session[`key${number}`] = number
      })))
      await lab.observe('after', user, ({ session }) => Object.keys(session).filter((name) => name.startsWith('key')).length)
    },
    cell: ({ after }) => `${after.body} of ${many} survive`,
    guarantee: {
      ...Object.fromEntries(numbers.map((number) => [number, { status: 200, sent: 'sid' }])),
      after: { status: 200, body: many }
    }
  },
  {
    fault: '2 parallel requests, each removing its own key, and no other is left',
    async run (lab) {
      const user = lab.browser()
      await lab.visit(user, (exchange) => { Object.assign(exchange.session, { first: 1, second: 2 }) })
      const old = user.copy()
      const [inside, open] = [lab.gate(), lab.gate()]
      const second = lab.observe('second', user.copy(), slowly(inside, open, ({ session }) => { delete session.second }))
      await inside
      await lab.observe('first', user, ({ session }) => { delete session.first })
      open.open()
      await second
      await lab.observe('after', old, ({ session }) => Object.keys(session).filter((name) => name === 'first' || name === 'second'))
      lab.facts.records = await lab.store.size()
    },
    cell: ({ after }) => after.body.length === 0 ? 'both are gone' : 'one is back',
    guarantee: {
      first: { status: 200, sent: 'sid' },
      second: { status: 200, sent: '-sid' }, // an empty session is deleted
      after: { status: 200, body: [] },
      records: 0
    }
  }
]
