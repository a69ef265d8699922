'use strict'

// A request has loaded the session; another gives it a new id (a login, a change of role); then the first one writes.

const { slowly, whoIsThere } = require('./lab/handlers')

module.exports = [{
  fault: 'regenerate against a slow request',
  async run (lab) {
    const user = await lab.login()
    const old = user.copy()
    const [inside, open] = [lab.gate(), lab.gate()]
    const slow = lab.observe('slow', user.copy(), slowly(inside, open, ({ session }) => { session.late = true }))
    await inside
    await lab.observe('regenerate', user, async (exchange) => {
      await exchange.regenerate()
      exchange.session.user = 'ann'
      exchange.session.role = 'admin'
    })
    open.open()
    await slow
    await lab.observe('replay', old, whoIsThere)
    await lab.observe('new', user, ({ session }) => [session.user, session.role, 'late' in session])
    lab.facts.records = await lab.store.size()
  },
  cell: ({ replay }) => replay.body === 'ann' ? 'the old id lives again' : 'the old id stays dead',
  // What comes to the old id late is not forwarded: whoever knows it could write into the new session.
  guarantee: {
    slow: { status: 200, body: 'ann', events: ['session:gone'] },
    regenerate: { status: 200, sent: 'sid' },
    replay: { status: 200 },
    new: { status: 200, body: ['ann', 'admin', false] },
    records: 1
  }
}]
