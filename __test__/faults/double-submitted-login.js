'use strict'

// The login form is sent twice. Both requests load the anonymous session; each regenerates and logs in.

const { slowly, whoIsThere } = require('./lab/handlers')

const logIn = async (exchange) => {
  await exchange.regenerate()
  exchange.session.user = 'ann'
}

module.exports = [{
  fault: 'login form submitted twice',
  async run (lab) {
    const visitor = lab.browser()
    await lab.visit(visitor, ({ session }) => { session.cart = ['a book'] })
    const browsers = { first: visitor.copy(), second: visitor.copy() }
    const gates = { first: lab.gate(), second: lab.gate() }
    const logins = {}
    for (const [name, browser] of Object.entries(browsers)) {
      const inside = lab.gate()
      logins[name] = lab.observe(name, browser, slowly(inside, gates[name], logIn))
      await inside
    }
    for (const name of Object.keys(gates)) {
      gates[name].open()
      await logins[name]
    }
    await lab.observe('after first', browsers.first, whoIsThere)
    await lab.observe('after second', browsers.second, whoIsThere)
    await lab.observe('replay', visitor, ({ session }) => Object.keys(session).includes('cart'))
    lab.facts.records = await lab.store.size()
  },
  cell: (facts) => {
    const logged = ['first', 'second'].filter((name) => facts[`after ${name}`].body === 'ann')
    return `${logged.length} of 2 logged in`
  },
  guarantee: {
    first: { status: 200, sent: 'sid' },
    second: { status: 200, sent: 'sid' },
    'after first': { status: 200, body: 'ann' },
    'after second': { status: 200, body: 'ann' },
    replay: { status: 200, body: false },
    records: 2
  }
}]
