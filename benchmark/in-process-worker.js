'use strict'

// One round of a cell of in-process.js: requests one after another, in many short slices that alternate between the
// contestants; what counts is the median of the slices.

const { EventEmitter } = require('node:events')
const Koa = require('koa')
const minimal = require('koa-session-minimal')
const session = require('..')
const { serve } = require('./child')
const { BARE } = require('./contestants')
const { clock } = require('./cpu')
const { median, rotated } = require('./ratio')
const { sessionOf } = require('./session-data')

const socket = Object.assign(new EventEmitter(), { readable: true, writable: true, encrypted: false, remoteAddress: '127.0.0.1' })

class LightRequest extends EventEmitter {
  method = 'GET'
  url = '/'
  httpVersionMajor = 1
  socket = socket
  connection = socket

  constructor (cookie) {
    super()
    this.headers = cookie === undefined ? { host: 'localhost' } : { host: 'localhost', cookie }
  }
}

class LightResponse extends EventEmitter {
  statusCode = 200
  statusMessage = ''
  socket = socket
  headersSent = false
  finished = false
  writableEnded = false
  #headers = Object.create(null)

  setHeader (name, value) {
    this.#headers[name.toLowerCase()] = value
  }

  getHeader (name) {
    return this.#headers[name.toLowerCase()]
  }

  hasHeader (name) {
    return name.toLowerCase() in this.#headers
  }

  removeHeader (name) {
    delete this.#headers[name.toLowerCase()]
  }

  getHeaders () {
    return this.#headers
  }

  getHeaderNames () {
    return Object.keys(this.#headers)
  }

  writeHead (status) {
    this.statusCode = status
    this.headersSent = true
  }

  end () {
    if (!this.headersSent) this.writeHead(this.statusCode)
    this.finished = this.writableEnded = true
    this.emit('finish')
  }
}

async function request (listener, cookie) {
  const response = new LightResponse()
  await listener(new LightRequest(cookie), response)
  if (response.statusCode !== 200) throw new Error(`the answer is ${response.statusCode}`)
  return response
}

const untouched = (ctx) => { ctx.body = 'ok' }

const check = (found) => {
  if (!found) throw new Error('the session is lost')
  return 'ok'
}

const read = (ctx) => { ctx.body = check(ctx.session.user.name === 'ann') }

const inPlace = (bytes) => ({
  untouched,
  read,
  change: (ctx) => { ctx.body = check(++ctx.session.counter > 0) },
  login: (ctx) => { ctx.session = sessionOf(bytes); ctx.body = 'ok' }
})

const replacing = (bytes) => ({
  ...inPlace(bytes),
  change: (ctx) => {
    ctx.session = { ...ctx.session, counter: ctx.session.counter + 1 }
    ctx.body = check(ctx.session.counter > 0)
  }
})

const appOf = (...middleware) => {
  const app = new Koa()
  middleware.forEach((each) => app.use(each))
  return app.callback()
}

/** Requests to be timed, of users who have logged in. */
class Contestant {
  turns = 0

  constructor (listener, cookies) {
    Object.assign(this, { listener, cookies })
  }

  static async of (middleware, actions, action, users) {
    const listener = appOf(middleware, actions[action])
    if (action === 'login') return new Contestant(listener, [undefined])
    const login = appOf(middleware, actions.login)
    const cookies = []
    while (cookies.length < users) {
      const response = await request(login)
      cookies.push([response.getHeader('set-cookie')].flat()[0].split(';')[0])
    }
    return new Contestant(listener, cookies)
  }

  async slice (requests) {
    const { listener, cookies } = this
    const start = clock()
    for (let n = 0; n < requests; n++) await request(listener, cookies[this.turns++ % cookies.length])
    return (clock() - start) * 1000 / requests
  }
}

serve(async ({ action, bytes, users, warmUp, slices, requests }) => {
  const contestants = {
    [BARE]: new Contestant(appOf(untouched), [undefined]),
    'koa-session-minimal': await Contestant.of(minimal(), inPlace(bytes), action, users),
    'session()': await Contestant.of(session(), inPlace(bytes), action, users),
    'imsession()': await Contestant.of(session.imsession(), replacing(bytes), action, users)
  }
  const names = Object.keys(contestants)
  const run = async (turns) => {
    const times = Object.fromEntries(names.map((name) => [name, []]))
    for (let turn = 0; turn < turns; turn++) {
      for (const name of rotated(names, turn)) times[name].push(await contestants[name].slice(requests))
    }
    return times
  }
  await run(Math.ceil(warmUp * Math.min(1, 1000 / bytes) / requests)) // of large sessions fewer, which take as long
  const times = await run(slices)
  return Object.fromEntries(names.map((name) => [name, median(times[name])]))
})
