'use strict'

// The three methods of a store, each failing in the same way.

const { whoIsThere } = require('./handlers')
const { outcome, together } = require('./outcome')

/** What is to be seen of a store that fails: its own error from a JavaScript store that has one, else ours. */
const failure = (contestant, how) => contestant.endsWith('JavaScript store') && how !== 'never answers'
  ? { status: 500, errors: ['Error: refused by the test'] }
  : { status: 503, retryAfter: '1', errors: ['ERR_SESSION_STORE'] }

/** The faults of a store that fails like this; `title` has the method as $. */
const failingStore = (how, title) => {
  // A dead server keeps nothing, and one that wakes up may still do what it was asked.
  const keeps = how !== 'is killed'
  const obeys = (contestant) => how !== 'never answers' || !contestant.endsWith('Redis')
  const there = keeps ? { status: 200, body: 'ann' } : { status: 200 }

  const get = {
    fault: title.replace('$', '`get`'),
    async run (lab) {
      const user = await lab.login()
      await lab.fail('get', how)
      await lab.observe('read', user, whoIsThere)
      await lab.heal(user)
      await lab.observe('after', user, whoIsThere)
    },
    cell: ({ read }) => outcome(read),
    guarantee: (contestant) => ({ read: failure(contestant, how), after: there })
  }

  const set = {
    fault: title.replace('$', '`set`'),
    async run (lab) {
      const user = await lab.login()
      const change = async ({ session }) => {
        await lab.fail('set', how)
        session.note = lab.store.note
      }
      await lab.observe('create', lab.browser(), change)
      await lab.heal(user)
      if (keeps) await lab.observe('save', user, change)
      await lab.heal(user)
      await lab.observe('after', user, whoIsThere)
      await lab.observe('note', user, ({ session }) => 'note' in session)
      lab.facts.records = await lab.store.size()
    },
    cell: ({ create, save }) => {
      const seen = outcome(create) + (create.status === 200 && !create.hangs ? `, ${how === 'rejects' ? 'lost' : 'unsaved'}` : '')
      const differs = save && (save.status !== create.status || save.hangs !== create.hangs)
      return together(seen, differs && outcome(save))
    },
    guarantee: (contestant) => ({
      create: failure(contestant, how),
      ...keeps && { save: failure(contestant, how) },
      after: there,
      note: obeys(contestant) ? { status: 200, body: false } : undefined,
      records: obeys(contestant) ? Number(keeps) : undefined
    })
  }

  const destroy = {
    fault: title.replace('$', '`destroy`'),
    async run (lab) {
      const user = await lab.login()
      const before = user.copy()
      await lab.observe('logout', user, async (exchange) => {
        await lab.fail('destroy', how)
        await exchange.logOut()
      })
      await lab.heal(before)
      await lab.observe('after', before, whoIsThere)
    },
    cell: ({ logout, after }) => outcome(logout) + (logout.status === 200 && after?.body === 'ann' ? ', still logged in' : ''),
    // The cookie stays with the record: who tries again logs out.
    guarantee: (contestant) => ({
      logout: failure(contestant, how),
      after: obeys(contestant) ? there : undefined
    })
  }

  return [get, set, destroy]
}

module.exports = { failingStore, failure }
