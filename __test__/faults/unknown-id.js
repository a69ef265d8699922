'use strict'

// Session fixation: somebody plants a cookie with an id that the store does not know, waits for the login, and comes
// with the same cookie.

const { key } = require('./lab/contestants')
const { logIn, whoIsThere } = require('./lab/handlers')

const planted = 'planted-planted-planted-planted-'

module.exports = [{
  fault: 'planted unknown id, then login',
  async run (lab) {
    const cookie = lab.contestant.cookie(planted)
    const victim = lab.browser()
    await lab.observe('login', victim, logIn, { cookie })
    await lab.observe('attacker', lab.browser(), whoIsThere, { cookie })
    await lab.observe('victim', victim, whoIsThere)
    lab.facts.adopted = victim.cookies.get(key) === planted
    lab.facts.records = await lab.store.size()
  },
  cell: ({ attacker }) => attacker.body === 'ann' ? 'the attacker is logged in' : 'fresh id',
  guarantee: {
    login: { status: 200, sent: 'sid' },
    attacker: { status: 200 },
    victim: { status: 200, body: 'ann' },
    adopted: false,
    records: 1
  }
}]
