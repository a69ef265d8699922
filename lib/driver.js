'use strict'

const native = require('./addon')
const { SessionStoreError } = require('./errors')

const { Outcome, Told } = native

// This environment's half of the driver: submissions out by number, completions back in one list per wake-up.
const waiting = new Map()
const listening = new Map() // who is told of a store's events, by the number it was opened with
let environment
let lastId = 0
let flushing = false
let drained = false // has a batch of answers come since the last flush?

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

// `call` hands the submission with that number to Rust; its answer fulfils the promise.
const submit = (channel, call) => {
  if (channel.closed) return Promise.reject(new SessionStoreError('the session store is closed'))
  if (channel.pending >= channel.maxPending) {
    return Promise.reject(new SessionStoreError(`the session store has ${channel.pending} commands pending (maxPending)`))
  }
  return send(channel, call)
}

const send = (channel, call) => new Promise((resolve, reject) => {
  const id = nextId()
  call(environment, id)
  waiting.set(id, { channel, resolve, reject })
  channel.pending++
  if (waiting.size === 1) native.ioHold(environment, true)
  if (!flushing) {
    flushing = true
    if (waiting.size > FEW && !drained) setImmediate(flush)
    else queueMicrotask(flush)
  }
})

// Refuses what is submitted from here on, and lets the connection go when all before it is answered.
const close = async (channel) => {
  if (channel.closed) return
  channel.closed = true
  if (channel.pending > 0) await new Promise((resolve) => { channel.onIdle = resolve })
  listening.delete(channel.id) // koa-generic-session takes a `disconnect` for an outage
  await send(channel, (environment, id) => native.redisClose(channel.handle, environment, id))
}

// Waking the I/O thread costs more than a command: once for all that this turn submits. That is what follows from one
// batch of answers; or, where many answers are still to come and nobody is kept waiting who would not wait anyway, what
// the event loop finds on all its sockets.
const FEW = 4

const flush = () => {
  flushing = false
  drained = false
  native.ioFlush()
}

const drain = () => {
  drained = true
  const fields = native.ioTake(environment)
  for (let at = 0; at < fields.length;) {
    const id = fields[at++]
    const told = fields[at++]
    const text = told & Told.Text ? fields[at++] : undefined
    const error = told & Told.Error ? new SessionStoreError(fields[at++]) : undefined
    const key = told & Told.Key ? fields[at++] : undefined
    const ttl = told & Told.Ttl ? fields[at++] : undefined
    const submission = waiting.get(id)
    if (submission === undefined) tell(listening.get(id), text, error)
    else settle(id, submission, { status: told & Told.Outcome, text, error, key, ttl })
  }
  if (waiting.size === 0) native.ioHold(environment, false)
}

// On its own: a listener that throws must not keep the others' answers from them.
const tell = (onEvent, name, error) => {
  if (onEvent !== undefined) queueMicrotask(() => onEvent(name, error))
}

const settle = (id, { channel, resolve, reject }, answer) => {
  waiting.delete(id)
  if (answer.error !== undefined && answer.status !== Outcome.Unremoved) reject(answer.error)
  else resolve(answer)
  if (--channel.pending === 0) channel.onIdle?.()
}

module.exports = { close, open, submit }
