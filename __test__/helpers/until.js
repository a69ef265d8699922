'use strict'

const { setTimeout: delay } = require('node:timers/promises')

// Asks again until the answer is truthy, and gives it back; an error counts as a no. Past the deadline the last error,
// or `what`, is thrown.
const until = async (what, ask, { within = 20000, every = 20 } = {}) => {
  const deadline = performance.now() + within
  for (;;) {
    let failure
    try {
      const answer = await ask()
      if (answer) return answer
    } catch (error) {
      failure = error
    }
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`, { cause: failure })
    await delay(every)
  }
}

// The next event of that name; unlike `once` of node:events it does not take an `error` on the way for the end.
const next = (emitter, name) => new Promise((resolve) => emitter.once(name, resolve))

module.exports = { next, until }
