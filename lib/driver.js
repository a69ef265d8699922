'use strict'

const native = require('./native')
const { SessionStoreError } = require('./errors')

// This environment's half of the driver: submissions out by number, completions back in one list per wake-up.
const waiting = new Map()
let environment
let lastId = 0
let flushing = false

const submit = (channel, call, ...args) => new Promise((resolve, reject) => {
  if (channel.closed) throw new SessionStoreError('the session store is closed')
  if (channel.pending >= channel.maxPending) {
    throw new SessionStoreError(`the session store has ${channel.pending} commands pending (maxPending)`)
  }
  environment ??= native.ioOpen(drain)
  lastId = (lastId + 1) >>> 0
  call(channel.handle, environment, lastId, ...args)
  waiting.set(lastId, { channel, resolve, reject })
  channel.pending++
  if (waiting.size === 1) native.ioHold(environment, true)
  if (!flushing) {
    flushing = true
    queueMicrotask(flush)
  }
})

// Waking the I/O thread costs more than a command: once for all that this turn submits.
const flush = () => {
  flushing = false
  native.ioFlush()
}

const drain = () => {
  const fields = native.ioTake(environment)
  for (let at = 0; at < fields.length; at += 4) {
    const { channel, resolve, reject } = waiting.get(fields[at])
    waiting.delete(fields[at])
    channel.pending--
    const [status, text, message] = [fields[at + 1], fields[at + 2], fields[at + 3]]
    const error = message === undefined ? undefined : new SessionStoreError(message)
    if (status === undefined) reject(error)
    else resolve({ status, text, error })
  }
  if (waiting.size === 0) native.ioHold(environment, false)
}

module.exports = { submit }
