'use strict'

const native = require('./native')
const { SessionStoreError } = require('./errors')

// This environment's half of the driver: submissions out by number, completions back in one list per wake-up.
const waiting = new Map()
let environment
let lastId = 0
let flushing = false

const submit = (channel, call, ...args) => {
  if (channel.closed) return Promise.reject(new SessionStoreError('the session store is closed'))
  if (channel.pending >= channel.maxPending) {
    return Promise.reject(new SessionStoreError(`the session store has ${channel.pending} commands pending (maxPending)`))
  }
  return send(channel, call, args)
}

const send = (channel, call, args) => new Promise((resolve, reject) => {
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

// Refuses what is submitted from here on, and lets the connection go when all before it is answered.
const close = async (channel) => {
  if (channel.closed) return
  channel.closed = true
  if (channel.pending > 0) await new Promise((resolve) => { channel.onIdle = resolve })
  await send(channel, native.redisClose, [])
}

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
    const [status, text, message] = [fields[at + 1], fields[at + 2], fields[at + 3]]
    const error = message === undefined ? undefined : new SessionStoreError(message)
    if (status === undefined) reject(error)
    else resolve({ status, text, error })
    if (--channel.pending === 0) channel.onIdle?.()
  }
  if (waiting.size === 0) native.ioHold(environment, false)
}

module.exports = { close, submit }
