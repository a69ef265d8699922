'use strict'

// A request has loaded the session; the user logs out; then the request changes what it has loaded.

const { logOut, slowly, whoIsThere } = require('./lab/handlers')

module.exports = [{
  fault: 'logout against a slow request',
  async run (lab) {
    const user = await lab.login()
    const old = user.copy()
    const [inside, open] = [lab.gate(), lab.gate()]
    const slow = lab.observe('slow', user.copy(), slowly(inside, open, ({ session }) => { session.late = true }))
    await inside
    await lab.observe('logout', user, logOut)
    open.open()
    await slow
    await lab.observe('replay', old, whoIsThere)
    lab.facts.records = await lab.store.size()
  },
  cell: ({ replay }) => replay.body === 'ann' ? 'logged in again' : 'stays logged out',
  guarantee: {
    slow: { status: 200, body: 'ann', events: ['session:gone'] },
    logout: { status: 200, sent: '-sid' },
    replay: { status: 200 },
    records: 0
  }
}]
