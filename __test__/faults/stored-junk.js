'use strict'

// What is stored under a user's id is no session.

const { outcome } = require('./lab/outcome')
const { logIn, whoIsThere } = require('./lab/handlers')

const junk = {
  'malformed text': '{"user":"ann"',
  '`null`': 'null',
  'a number': '5',
  'a string': '"ann"'
}

module.exports = Object.entries(junk).map(([name, text]) => ({
  fault: `stored junk: ${name}`,
  async run (lab) {
    const user = await lab.login()
    await lab.store.put(lab.storeKey(user), text)
    await lab.observe('read', user, whoIsThere)
    await lab.observe('again', user, whoIsThere)
    await lab.observe('login', user, logIn)
    await lab.observe('after', user, whoIsThere)
  },
  cell: ({ again, after }) => {
    if (after.body === 'ann') return 'fresh session'
    return again.status === 200 ? 'no login possible' : `${outcome(again)} each time`
  },
  guarantee: (contestant) => {
    // A JavaScript store that answers null says that there is no session.
    const invalid = contestant.endsWith('JavaScript store') && text === 'null' ? {} : { events: ['session:invalid'] }
    return {
      read: { status: 200, ...invalid },
      again: { status: 200, ...invalid },
      login: { status: 200, sent: 'sid', ...invalid },
      after: { status: 200, body: 'ann' }
    }
  }
}))
