'use strict'

const { performance } = require('node:perf_hooks')
const { setImmediate } = require('node:timers') // those who mock the global one do not mean ours
const native = require('./addon')
const { SessionStoreError } = require('./errors')

const { Told } = native

// This environment's half of the driver: submissions out by number, completions back in one list per wake-up. A number
// is a place in `submissions`; places that are free are given again.
const submissions = []
const free = []
let environment
let pending = 0
let unflushed = 0
let drained = false // has a batch of answers come since the last flush?
let draining = false // are some of it still to be settled?
let held = false // has what follows from the others been submitted, and waits for a flush behind the last?

// Who waits for an answer; `read` makes of it what the promise is fulfilled with, or throws what it is rejected with.
class Submission {
  constructor (channel, read) {
    this.channel = channel
    this.read = read
    this.resolve = undefined
    this.reject = undefined
  }
}

// Who is told of a store's events.
class Listener {
  constructor (onEvent) {
    this.onEvent = onEvent
  }
}

const place = (entry) => {
  environment ??= native.ioOpen(onWake)
  const id = free.length > 0 ? free.pop() : submissions.length
  submissions[id] = entry
  return id
}

const vacate = (id) => {
  submissions[id] = undefined
  free.push(id)
}

// Opens a store; `onEvent` is told what happens to its connection until it is closed or let go.
const open = (options, onEvent) => {
  const listener = place(new Listener(onEvent))
  try {
    return { listener, handle: native.redisOpen(environment, listener, options), pending: 0, maxPending: options.maxPending, closed: false }
  } catch (error) {
    vacate(listener)
    throw error
  }
}

// `call` hands the submission and what it says to Rust; see Submission for `read`.
const submit = (channel, read, call, ...said) => {
  if (channel.closed) return Promise.reject(new SessionStoreError('the session store is closed'))
  if (channel.pending >= channel.maxPending) {
    return Promise.reject(new SessionStoreError(`the session store has ${channel.pending} commands pending (maxPending)`))
  }
  return send(channel, read, call, ...said)
}

const send = (channel, read, call, ...said) => {
  const submission = new Submission(channel, read)
  const id = place(submission)
  const answered = promiseOf(submission)
  try {
    call(channel.handle, id, ...said)
  } catch (error) {
    vacate(id)
    throw error
  }
  channel.pending++
  if (++pending === 1) native.ioHold(environment, true)
  if (++unflushed === 1) {
    if (draining) held = true
    else if (pending > FEW && !drained) setImmediate(flush)
    else behind(flush)
  } else if (unflushed === FEW || unflushed % FULL_BATCH === 0) {
    native.ioFlush()
  }
  return answered
}

// No function of its own for each promise.
const promiseOf = (submission) => {
  current = submission
  return new Promise(keep)
}
let current
const keep = (resolve, reject) => {
  current.resolve = resolve
  current.reject = reject
}

// Refuses what is submitted from here on, and lets the connection go when all before it is answered.
const close = (channel) => {
  channel.closing ??= letGo(channel)
  return channel.closing
}

const letGo = async (channel) => {
  channel.closed = true
  if (channel.pending > 0) await new Promise((resolve) => { channel.onIdle = resolve })
  submissions[channel.listener].onEvent = undefined // koa-generic-session takes a `disconnect` for an outage
  await send(channel, () => {}, native.redisClose)
}

// Waking the I/O thread costs more than a command: once for all that this turn submits, if they are few. That is what
// follows from one batch of answers; or, where many answers are still to come and nobody is kept waiting who would not
// wait anyway, what the event loop finds on all its sockets. Of more, the first few wake the thread: until it is awake,
// which takes as long as making some dozens, the others are there too.
const FEW = 4
const FULL_BATCH = 32

const flush = () => {
  unflushed = 0
  drained = false
  native.ioFlush()
}

// What follows from the last few answers is still to come.
const flushHeld = () => {
  flush()
  drained = true
}

// As queueMicrotask, which those mock who mock the timers.
const ready = Promise.resolve()
const behind = (work) => { ready.then(work) }

// How many completions there are, and of each its number and the bits that tell what is said.
const told = new Uint32Array(1 + 2 * 256)

// A session takes time to be made of its text. After some of them it is the turn of what follows from these directly: the
// I/O thread is being woken by that while the others are made.
const TEXTS = 8

const drain = () => settleSome(told, 1, native.ioTake(environment, told), 0)

// Node wakes us up to a thousand times in one go before it looks at sockets and timers again: who keeps commands coming
// would keep all others waiting. So now and then it is their turn first.
const TURN_EVERY = 4 // milliseconds
let turned = 0
let waiting = false
const onWake = () => {
  if (waiting) return
  if (performance.now() - turned < TURN_EVERY) return drain()
  waiting = true
  setImmediate(onTurn)
}
const onTurn = () => {
  waiting = false
  turned = performance.now()
  drain()
}

const settleSome = (list, n, said, at) => {
  draining = false
  const end = 1 + 2 * list[0]
  if (n < end) drained = true
  for (let texts = 0; n < end && texts < TEXTS; n += 2) {
    const id = list[n]
    const bits = list[n + 1]
    const text = bits & Told.Text ? said[at++] : undefined
    const error = bits & Told.Error ? new SessionStoreError(said[at++]) : undefined
    const key = bits & Told.Key ? said[at++] : undefined
    const ttl = bits & Told.Ttl ? said[at++] : undefined
    const entry = submissions[id]
    if (entry instanceof Listener) tell(entry, text, error)
    else settle(id, entry, bits & Told.Outcome, text, error, key, ttl)
    if (text !== undefined) texts++
  }
  if (n < end) {
    const rest = list === told ? told.slice(0, end) : list // who runs the event loop in between overwrites `told`
    draining = true
    behind(() => settleSome(rest, n, said, at))
    return
  }
  if (held) {
    held = false
    behind(flushHeld)
  }
  if (pending === 0) native.ioHold(environment, false)
}

// On its own: a listener that throws must not keep the others' answers from them. That is an uncaught exception, and no
// unhandled rejection.
const tell = ({ onEvent }, name, error) => {
  if (onEvent !== undefined) ready.then(() => onEvent(name, error)).catch(uncaught)
}
const uncaught = (error) => process.nextTick(() => { throw error })

const settle = (id, { channel, read, resolve, reject }, status, text, error, key, ttl) => {
  vacate(id)
  pending--
  channel.pending--
  try {
    resolve(read(text, error, status, key, ttl))
  } catch (failure) {
    reject(failure)
  }
  if (channel.pending === 0) channel.onIdle?.()
}

module.exports = { close, open, submit }
