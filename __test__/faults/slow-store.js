'use strict'

// The store takes its time to write; the client goes on as soon as it has the headers of the answer, and comes to another
// process where the sessions are on Redis. (To one process with one connection Redis answers in order.)

const { setTimeout: delay } = require('node:timers/promises')

const { logIn, logOut, whoIsThere } = require('./lab/handlers')

/** For how long an answer may be on its way, in milliseconds, that did not wait for the store. */
const slowness = 500

const options = { elsewhere: true }
const atHeaders = { atHeaders: true }

/** Holds the method back for as long as `first` waits for it, and otherwise until `then` is done, too. */
async function slowed (lab, method, first, then) {
  const { arrived, release } = await lab.store.hold(method)
  const answered = first().then(() => true)
  const early = await Promise.race([answered, arrived.then(() => delay(slowness, false))])
  if (early) await then()
  await release()
  if (early) return
  await answered
  await then()
}

module.exports = [
  {
    fault: 'slow store, the client follows the redirect at once',
    options,
    async run (lab) {
      const user = lab.browser()
      const logInAndRedirect = (exchange) => {
        logIn(exchange)
        exchange.redirect('/')
      }
      await slowed(lab, 'set',
        () => lab.observe('login', user, logInAndRedirect, atHeaders),
        () => lab.observe('follow', user, whoIsThere, options))
    },
    cell: ({ follow }) => follow.body === 'ann' ? 'fresh' : 'stale: not logged in',
    guarantee: {
      login: { status: 302, sent: 'sid' },
      follow: { status: 200, body: 'ann' }
    }
  },
  {
    fault: 'slow store, the cookie is replayed after logout',
    options,
    async run (lab) {
      const user = await lab.login()
      const old = user.copy()
      await slowed(lab, 'destroy',
        () => lab.observe('logout', user, logOut, atHeaders),
        () => lab.observe('replay', old, whoIsThere, options))
      lab.facts.records = await lab.store.size()
    },
    cell: ({ replay }) => replay.body === 'ann' ? 'still logged in' : 'logged out',
    guarantee: {
      logout: { status: 200, sent: '-sid' },
      replay: { status: 200 },
      records: 0
    }
  }
]
