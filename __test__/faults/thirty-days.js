'use strict'

// 30 days are more milliseconds than a timer of JavaScript takes: it would go off at once.

const { setTimeout: delay } = require('node:timers/promises')

const { whoIsThere } = require('./lab/handlers')

const day = 24 * 3600 * 1000
const maxAge = 30 * day

module.exports = [{
  fault: '`maxAge` of 30 days',
  options: { maxAge },
  async run (lab) {
    const user = await lab.login()
    await delay(100)
    await lab.observe('after', user, whoIsThere)
    const ttl = await lab.store.ttl(lab.storeKey(user))
    if (ttl !== undefined) lab.facts.days = Math.round(ttl / day)
  },
  cell: ({ after }) => after.body === 'ann' ? 'ok' : 'gone within 0.1 s',
  guarantee: (contestant) => ({
    after: { status: 200, body: 'ann' },
    ...!contestant.endsWith('memory') && { days: 30 }
  })
}]
