'use strict'

const { setTimeout: delay } = require('node:timers/promises')
const native = require('./native')
const { SessionGoneError, SessionStoreError } = require('./errors')
const { isSession, serialize } = require('./json')
const { NOTHING } = require('./stores')

const { Plan, Conflict, Outcome: { Gone, Refused } } = native

const TRIES = 64
const LONGEST_DELAY = 50 // in milliseconds
const LONGEST_WAIT = 1000 // for those before; then it is left to the store whose write comes first

// Read, change, write in one step: `change` runs again, on the freshest session, until nobody came between. Updates of
// one session wait for each other within the process, so only other processes can come between.
const update = async (session, change) => {
  if (typeof change !== 'function') throw new TypeError(`sessionHandler.update takes a function, got ${typeof change}`)
  const { id, config: { key, updates } } = session
  if (id === undefined) return attempt(session, change)
  const storeKey = `${key}:${id}`
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
  const { config: { key, backend } } = session
  if (session.failure !== undefined) throw session.failure
  const before = session.record.text ?? '{}'
  for (let tries = 0; tries < TRIES; tries++) {
    const record = session.id === undefined ? NOTHING : await backend.load(`${key}:${session.id}`)
    if (record.text === null && session.record.text !== null) throw new SessionGoneError()
    const draft = record.text === null ? {} : JSON.parse(record.text)
    const returned = await change(draft)
    const value = returned === undefined ? draft : returned
    const text = value !== null && isSession(serialize(value)) ? serialize(value) : null
    const plan = native.plan(record.text, text, false, session.id !== undefined)
    if (plan === Plan.Nothing) return session.rebase(before, record)
    const result = await session.carryOut({ plan, flags: Conflict.Refuse, record, text, value })
    if (result === undefined) return undefined
    if (result.status === Gone) throw new SessionGoneError()
    if (result.status !== Refused) return session.rebase(before, session.record)
    await delay(Math.random() * Math.min(2 ** tries, LONGEST_DELAY))
  }
  throw new SessionStoreError(`the session was changed by other requests on each of ${TRIES} tries to update it`)
}

module.exports = { update }
