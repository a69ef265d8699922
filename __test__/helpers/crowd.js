'use strict'

const { setTimeout: delay } = require('node:timers/promises')
const session = require('../..')
const { serve } = require('./serve')
const { until } = require('./until')

const KEY = 'sid'
const PACE_MS = 30
const LAST = 100

// A user who counts in the session, one request at a time, and remembers which writes were acknowledged.
class User {
  /** The last acknowledged writes, `{ n, at }`: what a server loses is among them. */
  acknowledged = []
  /** Writes without an answer, or refused, since: these may have been done. */
  open = new Set()
  last = 0
  answers = 0
  refusals = 0

  constructor (browser, crowd) {
    Object.assign(this, { browser, crowd })
  }

  get storeKey () {
    return `${KEY}:${this.browser.cookies.get(KEY)}`
  }

  async write () {
    const n = ++this.last
    const { storeKey } = this
    const { status, body } = await this.browser.get(`/?n=${n}`)
    if (status === 503) {
      this.refusals++
      this.open.add(n)
      return
    }
    if (status !== 200) throw new Error(`the answer is ${status}`)
    this.answers++
    this.see(Number(body), storeKey)
    this.acknowledged = [...this.acknowledged.slice(-LAST), { n, at: performance.now() }]
  }

  /** Compares what is stored with what was acknowledged; what is older was lost. */
  see (seen, storeKey) {
    const lost = this.acknowledged.filter(({ n }) => n > seen)
    if (lost.length > 0) this.crowd.lost.push({ storeKey, seen, lost })
    else if (seen !== (this.acknowledged.at(-1)?.n ?? 0) && !this.open.has(seen)) this.crowd.odd.push({ storeKey, seen })
    this.acknowledged = this.acknowledged.filter(({ n }) => n <= seen)
    this.open.clear()
  }
}

// Users who all write at once until `stop()`.
class Crowd {
  /** What was acknowledged and is not there any more. */
  lost = []
  /** Values that nobody wrote, or wrote and then overwrote. */
  odd = []
  stopped = false

  constructor (served, size) {
    this.served = served
    this.users = Array.from({ length: size }, () => new User(served.browser(), this))
  }

  /** Everybody's first write; from then on they write without an end. */
  async start () {
    await Promise.all(this.users.map((user) => user.write()))
    this.loops = this.users.map(async (user) => {
      while (!this.stopped) {
        await user.write()
        await delay(PACE_MS)
      }
    })
    this.failed = Promise.all(this.loops)
    this.failed.catch(() => {})
  }

  /** Until each of the users has been answered so many times more. */
  served200 (times = 3, users = this.users) {
    const before = users.map(({ answers }) => answers)
    return Promise.race([
      until(`everybody is served ${times} times more`, () => users.every(({ answers }, n) => answers >= before[n] + times), { within: 30000 }),
      this.failed.then(() => { throw new Error('the users have gone') })
    ])
  }

  /** Lets the last answers come, and reads everybody's session once more. */
  async stop (store) {
    this.stopped = true
    await this.failed
    for (const user of this.users) {
      const { n } = await store.get(user.storeKey) ?? { n: 0 }
      user.see(n, user.storeKey)
    }
  }

  get summary () {
    const sum = (name) => this.users.reduce((total, user) => total + user[name], 0)
    return { answers: sum('answers'), refusals: sum('refusals'), errors: this.served.errors.length }
  }
}

/** A crowd before an app on that store; each request reads what is there, and writes a new number. */
const gather = async (t, store, size = 100) => {
  const served = await serve(t, session({ store, key: KEY }), (ctx) => {
    ctx.body = String(ctx.session.n ?? 0)
    ctx.session.n = Number(ctx.query.n)
  })
  const crowd = new Crowd(served, size)
  t.teardown(() => { crowd.stopped = true })
  await crowd.start()
  return crowd
}

module.exports = { gather }
