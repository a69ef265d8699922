'use strict'

const native = require('./native')
const { SessionStoreError } = require('./errors')

// This environment's half of the driver: submissions out by number, completions back in one list per wake-up.
const waiting = new Map()
const listening = new Map() // who is told of a store's events, by the number it was opened with
let environment
let lastId = 0
let flushing = false

const nextId = () => {
  environment ??= native.ioOpen(drain)
  do lastId = (lastId + 1) >>> 0
  while (waiting.has(lastId) || listening.has(lastId))
  return lastId
}

// Opens a store; `onEvent` is told what happens to its connection until it is closed or let go.
const open = (options, onEvent) => {
  const id = nextId()
  const handle = native.redisOpen(environment, id, options)
  listening.set(id, onEvent)
  return { id, handle, pending: 0, maxPending: options.maxPending, closed: false }
}

const submit = (channel, call, ...args) => {
  if (channel.closed) return Promise.reject(new SessionStoreError('the session store is closed'))
  if (channel.pending >= channel.maxPending) {
    return Promise.reject(new SessionStoreError(`the session store has ${channel.pending} commands pending (maxPending)`))
  }
  return send(channel, call, args)
}

const send = (channel, call, args) => new Promise((resolve, reject) => {
  const id = nextId()
  call(channel.handle, environment, id, ...args)
  waiting.set(id, { channel, resolve, reject })
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
  listening.delete(channel.id) // koa-generic-session takes a `disconnect` for an outage
  await send(channel, native.redisClose, [])
}

// Waking the I/O thread costs more than a command: once for all that this turn submits.
const flush = () => {
  flushing = false
  native.ioFlush()
}

const drain = () => {
  const fields = native.ioTake(environment)
  for (let at = 0; at < fields.length; at += 6) {
    const [id, status, text, message, key, ttl] = fields.slice(at, at + 6)
    const error = message === undefined ? undefined : new SessionStoreError(message)
    const submission = waiting.get(id)
    if (submission === undefined) {
      // On its own: a listener that throws must not keep the others' answers from them.
      const onEvent = listening.get(id)
      if (onEvent !== undefined) queueMicrotask(() => onEvent(text, error))
      continue
    }
    const { channel, resolve, reject } = submission
    waiting.delete(id)
    if (status === undefined) reject(error)
    else resolve({ status, text, error, key, ttl })
    if (--channel.pending === 0) channel.onIdle?.()
  }
  if (waiting.size === 0) native.ioHold(environment, false)
}

module.exports = { close, open, submit }
