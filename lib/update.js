'use strict'

const { AsyncLocalStorage } = require('node:async_hooks')
const { setTimeout: delay } = require('node:timers/promises')
const native = require('./addon')
const { SessionGoneError, SessionStoreError } = require('./errors')
const { isSession, parseSession, serialize } = require('./json')
const { NOTHING } = require('./stores')

const { Plan, Conflict, Outcome: { Gone, Refused } } = native

// Whose update's function is running: one in itself would wait for itself.
const updating = new AsyncLocalStorage()

const TRIES = 64
const LONGEST_DELAY = 50 // in milliseconds
const LONGEST_WAIT = 1000 // for those before; then it is left to the store whose write comes first

// Read, change, write in one step: `change` runs again, on the freshest session, until nobody came between. Updates of
// one session wait for each other within the process, so only other processes can come between.
const update = async (session, change) => {
  if (typeof change !== 'function') throw new TypeError(`sessionHandler.update takes a function, got ${typeof change}`)
  const { storeKey, config: { updates } } = session
  if (storeKey === undefined) return attempt(session, change)
  const before = updates.get(storeKey)
  const wait = before && Promise.race([before, delay(LONGEST_WAIT, undefined, { ref: false })])
  const turn = Promise.resolve(wait).then(() => attempt(session, change))
  const settled = turn.catch(() => {})
  updates.set(storeKey, settled)
  try {
    await turn
  } finally {
    if (updates.get(storeKey) === settled) updates.delete(storeKey)
  }
}

const attempt = async (session, change) => {
  if (session.failure !== undefined) throw session.failure
  let before = session.record.text ?? '{}'
  for (let tries = 0; tries < TRIES; tries++) {
    let record = await session.reload()
    if (record.text === null && session.record.text !== null) {
      // Who has asked for a new id goes on with what its own session lacked, as at the request's end.
      if (!session.regenerated) throw new SessionGoneError()
      session.settle()
      session.startAnew(JSON.parse(native.additions(before, serialize(session.read())) ?? '{}'))
      before = '{}'
    }
    let draft = record.text === null ? {} : parseSession(record.text)
    if (draft === undefined) {
      draft = session.parse(record.text) // junk, which counts as none
      record = NOTHING
      session.identify(undefined)
    }
    const returned = await updating.run(session, () => change(draft))
    const value = returned === undefined ? draft : returned
    const written = value === null ? undefined : serialize(value)
    const text = isSession(written) ? written : null
    const plan = native.plan(record.text, text, session.regenerated, session.id !== undefined)
    if (plan === Plan.Nothing) return session.rebase(before, record)
    const attributes = session.showing(text === null ? {} : value, () => session.attributes(plan))
    const result = await session.carryOut({ plan, flags: Conflict.Refuse, record, text, value, attributes })
    if (result === undefined) return undefined
    if (result.status === Gone) throw new SessionGoneError()
    if (result.status !== Refused) return session.rebase(before, session.record)
    await delay(Math.random() * Math.min(2 ** tries, LONGEST_DELAY))
  }
  throw new SessionStoreError(`the session was changed by other requests on each of ${TRIES} tries to update it`)
}

module.exports = { update, updating }
