'use strict'

const { whoIsThere } = require('./lab/handlers')

const fail = () => { throw new Error('boom') }

module.exports = [
  {
    fault: 'the handler changes the session and throws',
    async run (lab) {
      const user = await lab.login()
      await lab.observe('change', user, ({ session }) => {
        session.user = 'eve'
        fail()
      })
      await lab.observe('create', lab.browser(), ({ session }) => {
        session.user = 'eve'
        fail()
      })
      await lab.observe('after', user, whoIsThere)
      lab.facts.records = await lab.store.size()
    },
    cell: ({ after, records }) => after.body === 'eve' || records > 1 ? 'saved' : 'not saved',
    guarantee: {
      change: { status: 500, errors: ['Error: boom'] },
      create: { status: 500, errors: ['Error: boom'] },
      after: { status: 200, body: 'ann' },
      records: 1
    }
  },
  {
    fault: 'the handler regenerates the session and throws',
    async run (lab) {
      const user = await lab.login()
      await lab.observe('regenerate', user, async (exchange) => {
        await exchange.regenerate()
        fail()
      })
      await lab.observe('after', user, whoIsThere)
      lab.facts.records = await lab.store.size()
    },
    cell: ({ after }) => after.body === 'ann' ? 'nothing done' : 'logged out',
    guarantee: {
      regenerate: { status: 500, errors: ['Error: boom'] },
      after: { status: 200, body: 'ann' },
      records: 1
    }
  }
]
