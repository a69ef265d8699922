'use strict'

// One run of one fault on one contestant: a real HTTP server, browsers with cookie jars, and a store that can be made to
// fail. What is seen is written into `facts`, under the names that the fault gives.
//
//   browser(), login()      a new browser; one that is logged in as ann
//   visit(browser, does, options)            a request, whose handler is `does`; answers with what the client sees
//   observe(name, browser, does, options)    the same, written down
//   fail(method, how)       makes the store fail; heal(browser) ends that
//   gate()                  a promise with open()
//                           options: cookie (the header to send), atHeaders (do not wait for the body), elsewhere (ask
//                           another process on the same Redis, where there is one, and the fault has the option elsewhere)
//   store                   see stores.js; storeKey(browser) is where a browser's session is kept
//
// What the client sees: { status, body, sent (names of the session cookies that were set, '-' before deleted ones),
// retryAfter, errors and events (what the app was told, in order), hangs }; what is not there is left out.

const { once } = require('node:events')
const http = require('node:http')
const { setImmediate: turn } = require('node:timers/promises')

const { contestants, key } = require('./contestants')
const { gate } = require('./gate')
const { startRedis } = require('../../helpers/redis-server')

/** How long an answer is waited for, in milliseconds. */
const patience = 12000

const isSignature = (name) => name.endsWith('.sig')

/** Does it end before patience does? */
async function inTime (promise) {
  let timer
  const tired = new Promise((resolve) => { timer = setTimeout(resolve, patience, false) })
  try {
    return await Promise.race([promise.then(() => true), tired])
  } finally {
    clearTimeout(timer)
  }
}

class Browser {
  constructor (cookies = []) {
    this.cookies = new Map(cookies)
  }

  take (headers) {
    for (const { name, value } of headers) {
      if (value) this.cookies.set(name, value)
      else this.cookies.delete(name)
    }
  }

  /** Another client with the same cookies: a second tab, or whoever copied them. */
  copy () {
    return new Browser(this.cookies)
  }

  get header () {
    return Array.from(this.cookies, (cookie) => cookie.join('=')).join('; ')
  }
}

const readCookie = (header) => {
  const [, name, value, attributes] = /^([^=]*)=([^;]*)(.*)/.exec(header) ?? [undefined, header, 'no cookie', '']
  const expires = /expires=([^;]*)/i.exec(attributes)
  return { name, value: expires && Date.parse(expires[1]) <= Date.now() ? '' : value }
}

class Lab {
  facts = {}
  gate = gate
  #visits = []
  #stores = []
  #here
  #elsewhere
  #byRequest = new WeakMap()

  constructor (contestant, { timed = false } = {}) {
    this.contestant = contestants[contestant]
    this.timed = timed
  }

  async open (options = {}) {
    const { Store, mount } = this.contestant
    this.redis = Store.needsServer ? await startRedis() : undefined
    const app = async () => {
      const store = new Store(this.redis)
      this.#stores.push(store)
      await store.open?.()
      return { store, listener: mount(this, store.store, options) }
    }
    this.#here = await app()
    this.#elsewhere = options.elsewhere && this.redis ? await app() : this.#here
    this.store = this.#here.store
    this.server = http.createServer({ maxHeaderSize: 128 * 1024 }, (req, res) => {
      const visit = this.#visits[req.url.slice(1)]
      visit.res = res
      this.#byRequest.set(req, visit)
      visit.app.listener(req, res)
    })
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
  }

  async close () {
    this.server?.close()
    this.server?.closeAllConnections()
    for (const store of this.#stores) await store.close()
    await this.redis?.stop()
  }

  browser () {
    return new Browser()
  }

  async login () {
    const browser = this.browser()
    const { status } = await this.visit(browser, ({ session }) => { session.user = 'ann' })
    if (status !== 200 || !browser.cookies.has(key)) throw new Error(`the login before the fault has failed: ${status}`)
    return browser
  }

  storeKey (browser) {
    const { storeKey, idOf } = this.contestant
    return storeKey(idOf(browser.cookies.get(key)))
  }

  visit (browser, does, options) {
    return this.#visit({}, browser, does, options)
  }

  observe (name, browser, does, options) {
    this.facts[name] = {}
    return this.#visit(this.facts[name], browser, does, options)
  }

  /** Makes the store fail: see stores.js. It is called in handlers, whose errors are the contestant's to answer. */
  async fail (method, how) {
    try {
      await this.store.fail(method, how)
    } catch (error) {
      this.broken = error
      throw error
    }
  }

  /** Ends the store's fault, and waits until this browser is served again, which may take a new connection. */
  async heal (browser) {
    await this.store.heal()
    const read = async () => {
      for (;;) {
        const { status, hangs } = await this.visit(browser.copy(), ({ session }) => { void session.user })
        if (status === 200 && !hangs) return
        await turn()
      }
    }
    await inTime(read())
  }

  // What the apps tell.

  handle (req, layer, exchange) {
    return [this.#byRequest.get(req).does].flat()[layer](exchange)
  }

  failed (req, error) {
    const { code, message, name } = error
    this.#byRequest.get(req).errors.push(code ?? `${name}: ${message}`)
    this.lastError = error
  }

  told (req, event) {
    this.#byRequest.get(req).events.push(event)
  }

  finished (req) {
    this.#byRequest.get(req).finished.open()
  }

  /** For a process that is about to die: what it had answered until then. */
  finish () {
    for (const { answer, res } of this.#visits) {
      if (answer.status !== undefined || answer.hangs || !res?.headersSent) continue
      this.#seen(answer, res.statusCode, [res.getHeader('set-cookie') ?? []].flat().map(readCookie))
    }
  }

  async #visit (answer, browser, does, { cookie = browser.header, atHeaders = false, elsewhere = false } = {}) {
    const visit = { app: elsewhere ? this.#elsewhere : this.#here, does, answer, errors: [], events: [], finished: gate() }
    const path = `/${this.#visits.push(visit) - 1}`
    const began = Date.now()
    const outgoing = http.get({ host: '127.0.0.1', port: this.server.address().port, path, headers: cookie ? { cookie } : {}, agent: false })
    const exchange = this.#exchange(outgoing, visit, browser, atHeaders).catch((error) => {
      if (error.code === undefined) throw error
      if (!answer.hangs) answer.reset = error.code
    })
    if (!await inTime(exchange)) {
      answer.hangs = true
      outgoing.on('error', () => {}).destroy()
    }
    if (this.timed) answer.seconds = Math.floor((Date.now() - began) / 1000)
    if (this.contestant.floats && !atHeaders) {
      await inTime(this.store.settled())
      await turn() // an unhandled rejection ends the process here
    }
    if (visit.errors.length > 0) answer.errors = visit.errors
    if (visit.events.length > 0) answer.events = visit.events
    return answer
  }

  async #exchange (outgoing, { answer, finished }, browser, atHeaders) {
    const [response] = await once(outgoing, 'response')
    const cookies = (response.headers['set-cookie'] ?? []).map(readCookie)
    browser.take(cookies)
    this.#seen(answer, response.statusCode, cookies)
    const retryAfter = response.headers['retry-after']
    if (retryAfter) answer.retryAfter = retryAfter
    if (atHeaders) {
      response.resume()
      return
    }
    const body = Buffer.concat(await response.toArray()).toString()
    if (answer.status === 200 && body !== 'null') answer.body = JSON.parse(body)
    await finished
    await turn() // an error reaches the app behind the end of the middleware
  }

  #seen (answer, status, cookies) {
    answer.status = status
    const sent = cookies.filter(({ name }) => !isSignature(name)).map(({ name, value }) => value ? name : `-${name}`)
    if (sent.length > 0) answer.sent = sent.join(', ')
  }
}

/** Runs the fault and answers with its facts; `lab` is passed out at once, for whoever watches. */
async function runFault ({ options, run }, lab) {
  try {
    await lab.open(options)
    await run(lab)
    if (lab.broken) throw lab.broken
    return lab.facts
  } finally {
    await lab.close()
  }
}

module.exports = { Lab, patience, runFault }
