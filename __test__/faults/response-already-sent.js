'use strict'

// The whole answer has been sent when the session changes: no cookie can be sent any more.

const change = (name) => async (exchange) => {
  await exchange.respondNow()
  exchange.session[name] = 'ann'
}

const early = { status: 200, body: 'sent early' }

module.exports = [
  {
    fault: 'change after the response was sent',
    async run (lab) {
      const user = await lab.login()
      await lab.observe('change', user, change('late'))
      await lab.observe('after', user, ({ session }) => session.late)
    },
    cell: ({ change, after }) => `${after.body === 'ann' ? 'saved' : 'lost'}${change.errors ? ', app error' : ''}`,
    guarantee: {
      change: early,
      after: { status: 200, body: 'ann' }
    }
  },
  {
    fault: 'new session after the response was sent',
    async run (lab) {
      await lab.observe('create', lab.browser(), change('user'))
      lab.facts.records = await lab.store.size()
    },
    cell: ({ create, records }) => `${records > 0 ? 'orphan record' : 'no record'}${create.errors ? ', app error' : create.events ? ', app event' : ''}`,
    guarantee: {
      create: { ...early, events: ['session:unsent'] },
      records: 0
    }
  }
]
