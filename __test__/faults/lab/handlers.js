'use strict'

// What the handlers of several faults do.

const logIn = ({ session }) => { session.user = 'ann' }
const logOut = (exchange) => exchange.logOut()
const whoIsThere = ({ session }) => session?.user

/** Reads the session, says so, and goes on to `then` when it may. */
const slowly = (inside, open, then) => async (exchange) => {
  const found = exchange.session?.user
  inside.open()
  await open
  await then(exchange)
  return found
}

module.exports = { logIn, logOut, slowly, whoIsThere }
