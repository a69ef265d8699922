'use strict'

// ctx.session is assigned what is no plain object.

const { outcome } = require('./lab/outcome')
const { whoIsThere } = require('./lab/handlers')

const assign = (value) => (exchange) => { exchange.session = value }

module.exports = [
  {
    fault: 'the session is assigned a string',
    async run (lab) {
      const user = await lab.login()
      const old = user.copy()
      await lab.observe('assign', user, assign('a string'))
      await lab.observe('create', lab.browser(), assign('a string'))
      await lab.observe('after', old, whoIsThere)
      lab.facts.records = await lab.store.size()
    },
    cell: ({ assign, after }) => assign.status !== 200
      ? outcome(assign)
      : after.status !== 200 ? `then ${outcome(after)} each time` : after.body === 'ann' ? 'ignored' : 'ends the session',
    guarantee: {
      assign: { status: 200, sent: '-sid' },
      create: { status: 200 },
      after: { status: 200 },
      records: 0
    }
  },
  {
    fault: 'the session is assigned an array',
    async run (lab) {
      const user = lab.browser()
      await lab.observe('assign', user, assign(['a', 'b']))
      await lab.observe('after', user, ({ session }) => [Array.isArray(session), Object.values(session)])
    },
    cell: ({ assign, after }) => {
      if (assign.hangs || assign.status !== 200) return outcome(assign)
      const [isArray, [first]] = after.body ?? [false, []]
      return first !== 'a' ? 'lost' : isArray ? 'kept' : 'becomes an object'
    },
    guarantee: {
      assign: { status: 200, sent: 'sid' },
      after: { status: 200, body: [true, ['a', 'b']] }
    }
  }
]
