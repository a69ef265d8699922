'use strict'

// Runs one scenario through a real HTTP server and writes down all that can be seen from outside: the store's calls,
// the answers with their Set-Cookie headers, and the records that are left.

const { AsyncLocalStorage } = require('node:async_hooks')
const { once } = require('node:events')
const http = require('node:http')
const { inspect } = require('node:util')

const stores = require('./stores')
const { cookieLine, mask, recordLine, shorten } = require('./transcript')

const koas = { 'Koa 3': require('koa'), 'Koa 2': require('koa2') }
const sides = {
  'koa-session-minimal': require('koa-session-minimal'),
  'koa-session-native': require('../..')
}

const visits = new AsyncLocalStorage()

/** Adds a line to the visit that is being served. */
const note = (line) => visits.getStore().lines.push(line)

/** Is this the very session that the handler works on? */
const isLive = (session) => visits.getStore().ctx.session === session

class Browser {
  cookies = new Map()

  take (setCookie) {
    for (const header of setCookie) {
      const [, name, value] = /^([^=]*)=([^;]*)/.exec(header)
      if (value) this.cookies.set(name, value)
      else this.cookies.delete(name)
    }
  }

  get header () {
    return Array.from(this.cookies, (cookie) => cookie.join('=')).join('; ')
  }
}

async function request (port, path, cookie, headers) {
  const outgoing = http.get({ host: '127.0.0.1', port, path, headers: cookie ? { cookie, ...headers } : headers, agent: false })
  const [response] = await once(outgoing, 'response')
  return {
    status: response.statusCode,
    location: response.headers.location,
    setCookie: response.headers['set-cookie'] || [],
    body: Buffer.concat(await response.toArray()).toString()
  }
}

function buildApp ({ koa, side }, scenario, options, served) {
  const app = Object.assign(new koas[koa](), scenario.app)
  app.on('error', (error, ctx) => {
    const { lines } = served.find((visit) => visit.ctx === ctx) || visits.getStore()
    lines.push(`app error: ${error.code || error.message}`)
  })
  app.use((ctx, next) => {
    const visit = served[ctx.path.slice(1) - 1]
    visit.ctx = ctx
    return visits.run(visit, next)
  })
  const handle = async (ctx) => {
    const result = await visits.getStore().does(ctx)
    ctx.body ??= result === undefined ? 'ok' : inspect(result, { depth: 9, compact: true, breakLength: Infinity })
  }
  const stack = scenario.stack || (({ session, options, handle }) => [session(options), handle])
  stack({ session: sides[side], options, handle }).forEach((middleware) => app.use(middleware))
  return app
}

/**
 * Runs the scenario and answers with its lines. `served` has the visits as far as they have come, for a run that does
 * not come to its end.
 */
async function run (scenario, { side, koa, over, redis, served = [] }) {
  const store = await stores[over](scenario, { side, sides, redis, note, isLive })
  const options = store.options ? { ...scenario.options, ...store.options } : scenario.options
  const key = (options && options.key) || 'koa:sess'
  const browsers = {}
  const server = http.createServer()

  const visit = async ({ does, as = 'browser', cookie, headers }) => {
    const browser = browsers[as] ||= new Browser()
    const sent = cookie ? cookie(browser.cookies.get(key)) : browser.header
    const lines = [`visit with ${sent || 'no cookie'}`]
    const path = `/${served.push({ does, lines })}`
    const answer = await request(server.address().port, path, sent, headers)
    browser.take(answer.setCookie)
    lines.push(answer.location ? `${answer.status} to ${answer.location}` : `${answer.status} ${shorten(answer.body)}`)
    lines.push(...answer.setCookie.map(cookieLine))
    if (!answer.location) await store.settle() // who is sent elsewhere goes there at once
  }

  try {
    server.on('request', buildApp({ koa, side }, scenario, options, served).callback())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    for (const step of scenario.visits) {
      const together = [].concat(step).map((each) => typeof each === 'function' ? { does: each } : each)
      await Promise.all(together.map(visit))
    }
    const records = await store.records()
    const lines = mask([...served.flatMap((visit) => visit.lines), ...records.map(recordLine)])
    const held = lines.splice(lines.length - records.length)
    return [...lines, ...held.sort()]
  } catch (error) {
    if (server.listening) throw error
    return [`session() throws ${error.code || error.message}`]
  } finally {
    server.close()
    await store.close()
  }
}

module.exports = { Browser, koas, note, request, run, sides }
