'use strict'

const { failure } = require('./lab/failing-store')
const { whoIsThere } = require('./lab/handlers')
const { outcome } = require('./lab/outcome')

const is = (answer, name) => answer?.body === 'ann' ? `${name} intact` : `${name} gone`

const failing = (method) => async (lab) => {
  const user = await lab.login()
  const old = user.copy()
  await lab.observe('regenerate', user, async (exchange) => {
    await lab.fail(method, 'rejects')
    await exchange.regenerate()
    exchange.session.user = 'ann' // some start the new session empty
    exchange.session.note = lab.store.note
  })
  await lab.heal(old)
  await lab.observe('old', old, whoIsThere)
  await lab.observe('new', user, whoIsThere)
  lab.facts.records = await lab.store.size()
}

module.exports = [
  {
    fault: '`set` rejects during regenerate',
    run: failing('set'),
    cell: ({ regenerate, old }) => `${outcome(regenerate)}${old ? `, ${is(old, 'old session')}` : ''}`,
    guarantee: (contestant) => ({
      regenerate: failure(contestant, 'rejects'),
      old: { status: 200, body: 'ann' },
      new: { status: 200, body: 'ann' }, // no cookie was sent: it is the old one
      records: 1
    })
  },
  {
    fault: '`destroy` rejects during regenerate',
    run: failing('destroy'),
    cell: ({ regenerate, new: after }) => `${outcome(regenerate)}${after ? `, ${is(after, 'session')}` : ''}`,
    // The new record is there, so the response stands; the app is told.
    guarantee: (contestant) => ({
      regenerate: { status: 200, sent: 'sid', errors: failure(contestant, 'rejects').errors },
      old: { status: 200, body: 'ann' },
      new: { status: 200, body: 'ann' },
      records: 2
    })
  }
]
