'use strict'

// Set-Cookie lines: what the cookies module makes of them, and who is asked each time.

const test = require('ava')
const Cookies = require('cookies')
const fc = require('fast-check')
const Koa2 = require('koa2')
const Koa3 = require('koa')
const session = require('..')
const { CookieWriter } = require('../lib/cookie-writer')
const { serveApp } = require('./helpers/serve')

// The lines, or why there are none.
const linesOf = (make) => {
  try {
    return make()
  } catch (error) {
    return error.message
  }
}

const made = (request, secure, name, value, attributes) => {
  let made
  const response = { getHeader () {}, setHeader (_, lines) { made = lines } }
  new Cookies(request, response, { secure, keys: ['a key'] }).set(name, value, attributes)
  return made
}

const usual = {
  maxAge: fc.constantFrom(0, 300, 700, 86400000),
  path: fc.constantFrom('/', '/a', undefined),
  domain: fc.constantFrom('example.com', 'example.org'),
  secure: fc.constantFrom(undefined, false),
  httpOnly: fc.boolean(),
  sameSite: fc.constantFrom(undefined, true, 'lax', 'None'),
  priority: fc.constantFrom('low', 'high'),
  partitioned: fc.boolean(),
  signed: fc.constantFrom(false, false, false, true, undefined)
}
const unusual = { expires: fc.constant(new Date(86400000)), maxage: fc.constantFrom(5000, 5300) }
const either = fc.record({
  one: fc.record(usual, { requiredKeys: ['maxAge'] }),
  other: fc.record(usual),
  taken: fc.subarray(Object.keys(usual), { maxLength: 2 }),
  without: fc.subarray(Object.keys(usual), { maxLength: 2 }),
  more: fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: fc.record(unusual, { requiredKeys: [] }) })
}).map(({ one, other, taken, without, more }) => {
  const second = { signed: false, ...one }
  for (const name of taken) second[name] = other[name]
  for (const name of without) delete second[name]
  return [{ signed: false, ...one, ...more }, second]
})

const step = fc.record({
  id: fc.constantFrom('one', 'another-id_2'),
  which: fc.nat({ max: 1 }),
  later: fc.constantFrom(0, 0, 1, 300, 500, 1000),
  https: fc.boolean(),
  jar: fc.constantFrom('none', 'none', 'none', 'used', 'trusted', 'own', 'another')
})

// What an application does with the jar before; its `secure`.
const prepare = (ctx, jar, https) => {
  if (jar === 'used') ctx.cookies.get('another')
  if (jar === 'trusted') ctx.cookies.secure = true // behind a proxy that does not say https
  if (jar === 'own') ctx.cookies = new Cookies(ctx.req, ctx.res, { keys: ['a key'] })
  if (jar === 'another') ctx.cookies = new Cookies(ctx.req, ctx.res, { keys: ['a key'], secure: !https })
  return { none: https, used: https, trusted: true, own: undefined, another: !https }[jar]
}

// A jar's method that does what the module's does, and more.
const marking = function (name, value, attributes) {
  const { response } = this
  this.response = { getHeader () {}, setHeader: (header, lines) => response.setHeader(header, lines.map((line) => `${line}; mark`)) }
  own.call(this, name, value, attributes)
  this.response = response
}
const own = Cookies.prototype.set

const markingJar = ({ req, res }) => Object.assign(new Cookies(req, res, { secure: false }), { set: marking })

class LookAlike extends Cookies {
  set (...given) {
    const pushCookie = (headers, cookie) => marking.call(this, ...cookie)
    const [headers, cookie] = [[], given]
    pushCookie(headers, cookie)
  }
}

// How an application makes cookies its own business, for one request; what is to be undone, and which context is used.
const interventions = {
  'sets ctx.cookies': (ctx) => { ctx.cookies = markingJar(ctx) },
  'sets ctx.cookies to what looks like the module\'s': (ctx) => { ctx.cookies = new LookAlike(ctx.req, ctx.res, { secure: false }) },
  'defines ctx.cookies': (ctx) => { Object.defineProperty(ctx, 'cookies', { value: markingJar(ctx) }) },
  'sets ctx.cookies.set': (ctx) => { ctx.cookies.set = marking },
  'derives a context': (ctx) => ({ context: Object.create(ctx, { cookies: { value: markingJar(ctx) } }) }),
  'derives a context from one': (ctx) => ({ context: Object.create(Object.create(ctx, { cookies: { value: markingJar(ctx) } })) }),
  'has a Proxy for a context': (ctx) => ({ context: new Proxy(ctx, { get: (target, name) => name === 'cookies' ? markingJar(target) : target[name] }) }),
  'defines app.context.cookies': ({ app }) => {
    Object.defineProperty(app.context, 'cookies', { configurable: true, get () { return markingJar(this) } })
    return { undo: () => { delete app.context.cookies } }
  },
  'replaces the method of all jars': () => {
    Cookies.prototype.set = marking
    return { undo: () => { Cookies.prototype.set = own } }
  }
}

const change = (ctx) => {
  ctx.session.n = (ctx.session.n ?? 0) + 1
  ctx.body = 'ok'
}

const marksOf = async (user) => {
  const marks = []
  for (const path of ['/', '/', '/marked', '/', '/marked', '/']) {
    const { setCookie } = await user.get(path)
    marks.push(setCookie[0].endsWith('; mark'))
  }
  return marks
}

test.serial('a middleware that serves two versions of Koa asks the jars of both', async (t) => {
  const middleware = session()
  const [two, three] = await Promise.all([Koa2, Koa3].map((Koa) => serveApp(t, new Koa(), (ctx, next) => {
    if (ctx.path === '/marked') ctx.cookies = markingJar(ctx)
    return next()
  }, middleware, change)))
  await three.browser().get('/')
  const { setCookie } = await two.browser().get('/marked')
  t.true(setCookie[0].endsWith('; mark'))
})

for (const [version, Koa] of Object.entries({ 'Koa 2': Koa2, 'Koa 3': Koa3 })) {
  test.serial(`each line is what the cookies module makes, whatever was written before, on ${version}`, (t) => {
    const { now } = Date
    let time = now()
    Date.now = () => time
    t.teardown(() => { Date.now = now })
    const app = new Koa()
    Object.assign(app, { keys: ['a key'], proxy: true })
    fc.assert(fc.property(either, fc.array(step, { minLength: 2, maxLength: 12 }), (attributes, steps) => {
      const writer = new CookieWriter()
      for (const { id, which, later, https, jar } of steps) {
        time += later
        const protocol = https ? 'https' : 'http'
        const req = { headers: { 'x-forwarded-proto': protocol }, protocol, socket: {}, url: '/', method: 'GET' }
        const ctx = app.createContext(req, {})
        const secure = prepare(ctx, jar, https)
        const [lines, expected] = [() => writer.lines(ctx, 'sid', id, { ...attributes[which] }), () => made(req, secure, 'sid', id, { ...attributes[which] })]
        t.deepEqual(linesOf(lines), linesOf(expected))
      }
    }), { numRuns: 2000 })
  })

  for (const [what, does] of Object.entries(interventions)) {
    test.serial(`an application that ${what} is asked for each line, on ${version}`, async (t) => {
      const middleware = session()
      const { browser } = await serveApp(t, new Koa(), async (ctx) => {
        const done = ctx.path === '/marked' ? does(ctx) : undefined
        const context = done?.context ?? ctx
        await middleware(context, () => change(context))
        done?.undo?.()
      })
      t.deepEqual(await marksOf(browser()), [false, false, true, false, true, false])
    })
  }

  test.serial(`no jar is made where nothing but the id is another, on ${version}`, async (t) => {
    const jars = []
    const { browser } = await serveApp(t, new Koa(), async (ctx, next) => {
      await next()
      jars.push(Object.getOwnPropertySymbols(ctx).some((symbol) => ctx[symbol] instanceof Cookies))
    }, (ctx, next) => {
      if (ctx.path === '/used') ctx.cookies.get('another')
      return next()
    }, session(), change)
    for (const path of ['/', '/', '/used', '/']) await browser().get(path)
    t.deepEqual(jars, [true, false, true, false])
  })

  const slot = Symbol('jar')
  const jars = new WeakMap()
  const accessors = {
    'that keep jars elsewhere': {
      get () { return jars.get(this) ?? new Cookies(this.req, this.res, { secure: false }) },
      set (jar) { jars.set(this, jar) }
    },
    'that keep jars as Koa does': {
      get () {
        this[slot] ??= this.path === '/marked' ? markingJar(this) : new Cookies(this.req, this.res, { secure: false })
        return this[slot]
      },
      set (jar) { this[slot] = jar }
    }
  }
  for (const [how, cookies] of Object.entries(accessors)) {
    test.serial(`a context with accessors ${how} is asked for each line, on ${version}`, async (t) => {
      const app = new Koa()
      app.context = Object.create(Object.create(Object.getPrototypeOf(app.context), { cookies }))
      const { browser } = await serveApp(t, app, (ctx, next) => {
        if (ctx.path === '/marked') ctx.cookies = markingJar(ctx)
        return next()
      }, session(), change)
      t.deepEqual(await marksOf(browser()), [false, false, true, false, true, false])
    })
  }

  test.serial(`a wrapper around Koa's accessor is asked for each line, on ${version}`, async (t) => {
    const app = new Koa()
    const koa = Object.getPrototypeOf(app.context)
    const cookies = Object.getOwnPropertyDescriptor(koa, 'cookies')
    Object.defineProperty(koa, 'cookies', { ...cookies, get () { return this.path === '/marked' ? markingJar(this) : cookies.get.call(this) } })
    t.teardown(() => Object.defineProperty(koa, 'cookies', cookies))
    const { browser } = await serveApp(t, app, session(), change)
    t.deepEqual(await marksOf(browser()), [false, false, true, false, true, false])
  })

  test.serial(`a line that has the id somewhere else serves nobody else, on ${version}`, (t) => {
    const { toString } = Cookies.Cookie.prototype
    Cookies.Cookie.prototype.toString = function () { return `${this.name}=${this.value}.${this.value}` }
    t.teardown(() => { Cookies.Cookie.prototype.toString = toString })
    const app = new Koa()
    const writer = new CookieWriter()
    const line = (id) => writer.lines(app.createContext({ headers: {}, socket: {} }, {}), 'sid', id, {})
    t.deepEqual(['one', 'two'].map(line), [['sid=one.one; path=/; httponly'], ['sid=two.two; path=/; httponly']])
  })

  test.serial(`where the application does not say whether it is secure, the connection does, on ${version}`, (t) => {
    const app = new Koa()
    Object.defineProperty(app.request, 'secure', { value: undefined })
    const writer = new CookieWriter()
    const line = (encrypted) => writer.lines(app.createContext({ headers: {}, socket: { encrypted } }, {}), 'sid', 'one', {})
    t.deepEqual([false, true].map(line), [['sid=one; path=/; httponly'], ['sid=one; path=/; secure; httponly']])
  })

  test.serial(`a line ends when it says, while the clock goes on, on ${version}`, (t) => {
    const { now } = Date
    let time = Date.UTC(2026, 0)
    Date.now = () => (time += 350) // no part of a second: it turns at each place once
    t.teardown(() => { Date.now = now })
    const app = new Koa()
    const writer = new CookieWriter()
    for (let n = 0; n < 100; n++) {
      const from = Math.floor(time / 1000)
      const [line] = writer.lines(app.createContext({ headers: {}, socket: {} }, {}), 'sid', 'one', { maxAge: 60000 })
      const end = Date.parse(/expires=([^;]*)/.exec(line)[1]) / 1000 - 60
      t.true(from <= end && end <= Math.floor(time / 1000))
    }
  })

  test.serial(`a jar that says nothing of its lines serves as well, on ${version}`, async (t) => {
    const { browser, errors } = await serveApp(t, new Koa(), (ctx, next) => {
      if (ctx.path === '/mocked') ctx.cookies = { get () {}, set () {} }
      return next()
    }, session(), change)
    for (const path of ['/mocked', '/', '/mocked', '/']) t.is((await browser().get(path)).status, 200)
    t.deepEqual(errors, [])
  })

  test.serial(`an attribute that is an object is looked at for each line, on ${version}`, (t) => {
    const app = new Koa()
    const writer = new CookieWriter()
    const attributes = { path: { now: '/a', toString () { return this.now } } }
    const line = () => writer.lines(app.createContext({ headers: {}, socket: {} }, {}), 'sid', 'one', attributes)
    t.deepEqual([line(), line()], [['sid=one; path=/a; httponly'], ['sid=one; path=/a; httponly']])
    attributes.path.now = '/b'
    t.deepEqual(line(), ['sid=one; path=/b; httponly'])
  })

  test.serial(`a context without an application has a jar, and that is all, on ${version}`, (t) => {
    const writer = new CookieWriter()
    const [real, fake] = [new Koa().createContext({ headers: {}, socket: {} }, {}), { cookies: new Cookies({}, {}, { secure: false }) }]
    for (const ctx of [fake, real, fake]) t.deepEqual(writer.lines(ctx, 'sid', 'one', {}), ['sid=one; path=/; httponly'])
  })

  test.serial(`a method around the module's, there from the beginning, is asked for each line, on ${version}`, async (t) => {
    let asked = 0
    Cookies.prototype.set = function (...given) {
      asked++
      return own.apply(this, given)
    }
    t.teardown(() => { Cookies.prototype.set = own })
    const { browser } = await serveApp(t, new Koa(), session(), change)
    const user = browser()
    for (let requests = 1; requests <= 3; requests++) {
      await user.get('/')
      t.is(asked, requests)
    }
  })
}
