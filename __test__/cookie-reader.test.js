'use strict'

const test = require('ava')
const Cookies = require('cookies')
const fc = require('fast-check')
const Koa = require('koa')
const minimal = require('koa-session-minimal')
const session = require('..')
const { cookieReader } = require('../lib/cookie')
const { serve } = require('./helpers/serve')
const { jsStore } = require('./helpers/stores')

const names = ['koa:sess', 'a', 'a.b', '$x', 'sid(1)']

test('a cookie is read as the cookies module reads it, whatever the header says', (t) => {
  const header = fc.constantFrom(...names).chain((name) => {
    const piece = fc.constantFrom(name, `${name}=`, `x${name}=`, `; ${name}=`, ';', ' ', '=', '"', 'v', '\t', ',')
    return fc.record({ name: fc.constant(name), cookie: fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')) })
  })
  fc.assert(fc.property(header, ({ name, cookie }) => {
    const req = { headers: { cookie } }
    t.is(cookieReader(name)(new Koa().createContext({ ...req, socket: {} }, {})), new Cookies(req, {}).get(name))
  }), { numRuns: 3000 })
})

test('without a header there is no cookie', (t) => {
  t.is(cookieReader('a')(new Koa().createContext({ headers: {}, socket: {} }, {})), undefined)
})

test('without a jar the header is read', (t) => {
  const ctx = new Koa().createContext({ headers: { cookie: 'a=b' }, socket: {} }, {})
  Object.defineProperty(ctx, 'cookies', { value: null })
  t.is(cookieReader('a')(ctx), 'b')
})

// How an application may give a cookie another name or value.
const jars = {
  'a jar around the context\'s': (ctx) => {
    const jar = ctx.cookies
    ctx.cookies = {
      get: (name, options) => jar.get(`x-${name}`, options),
      set: (name, value, options) => jar.set(`x-${name}`, value, options)
    }
  },
  'a jar that is a class of its own': (ctx) => {
    ctx.cookies = new class extends Cookies {
      get (name, options) { return super.get(`x-${name}`, options) }
      set (name, value, options) { return super.set(`x-${name}`, value, options) }
    }(ctx.req, ctx.res)
  },
  'a jar with methods around its own': (ctx) => {
    const { get, set } = ctx.cookies
    Object.assign(ctx.cookies, {
      get (...given) { return get.apply(this, given)?.slice(1) },
      set (name, value, options) { return set.call(this, name, value && `x${value}`, options) }
    })
  },
  'a property of the context': (ctx) => {
    const { get, set } = Cookies.prototype
    const jar = new Cookies(ctx.req, ctx.res)
    Object.defineProperty(ctx, 'cookies', { value: { get: get.bind(jar, 'mine'), set: (name, ...rest) => set.call(jar, 'mine', ...rest) } })
  },
  'a jar that tells its response': (ctx) => {
    const jar = ctx.cookies
    ctx.cookies = { get response () { return ctx.res }, get: (...given) => jar.get(...given), set: (...given) => jar.set(...given) }
  },
  'cookies that are kept elsewhere': (ctx) => {
    const kept = ctx.app.kept ??= new Map()
    ctx.cookies = { get: (name) => kept.get(name), set: (name, value) => { kept.set(name, value) } }
  }
}
const middlewares = {
  'koa-session-minimal': minimal,
  'session()': session,
  'imsession()': session.imsession
}

for (const [what, put] of Object.entries(jars)) {
  for (const [name, make] of Object.entries(middlewares)) {
    test(`${what} is read, and written, by ${name}`, async (t) => {
      const { browser, errors } = await serve(t, (ctx, next) => {
        ctx.set('set-cookie', ['other=1; path=/'])
        put(ctx)
        return next()
      }, make({ store: jsStore() }), (ctx) => {
        if (ctx.path === '/logout') ctx.session = null
        else ctx.session = { n: (ctx.session?.n ?? 0) + 1 }
        ctx.body = String(ctx.session?.n)
      })
      const user = browser()
      const [bodies, lines] = [[], []]
      for (const path of ['/', '/', '/', '/logout', '/']) {
        const { body, setCookie } = await user.get(path)
        bodies.push(body)
        lines.push(setCookie.length)
        t.is(setCookie[0], 'other=1; path=/')
      }
      t.deepEqual([bodies.slice(0, 3), bodies[4], errors], [['1', '2', '3'], '1', []])
      t.deepEqual(new Set(lines), new Set([what === 'cookies that are kept elsewhere' ? 1 : 2]))
    })
  }
}

for (const [what, put] of Object.entries(jars)) {
  test(`no cookie is sent by ${what} for a session that has ended meanwhile`, async (t) => {
    const { browser, events } = await serve(t, (ctx, next) => {
      ctx.set('set-cookie', ['other=1; path=/'])
      put(ctx)
      return next()
    }, session(), async (ctx) => {
      if (ctx.path === '/logout') ctx.session = null
      else ctx.session.n = (ctx.session.n ?? 0) + 1
      if (ctx.path === '/slow') await user.get('/logout', user.cookie)
      ctx.body = 'ok'
    })
    const user = browser()
    await user.get('/')
    const { setCookie } = await user.get('/slow')
    t.deepEqual([setCookie, events], [['other=1; path=/'], ['session:gone']])
  })
}

test('a jar that checks signatures reads what was written without one', async (t) => {
  class Signing extends Cookies {
    get (name, options) { return super.get(name, { signed: true, ...options }) }
  }
  const { browser } = await serve(t, (ctx, next) => {
    ctx.cookies = new Signing(ctx.req, ctx.res, { keys: ['a key'] })
    return next()
  }, session(), (ctx) => { ctx.body = String(ctx.session.n = (ctx.session.n ?? 0) + 1) })
  const user = browser()
  t.deepEqual([(await user.get('/')).body, (await user.get('/')).body], ['1', '2'])
})

test('where the application has cookies that cannot be asked, the header is', async (t) => {
  const { browser, errors } = await serve(t, (ctx, next) => {
    if (ctx.path === '/read') Object.defineProperty(ctx, 'cookies', { value: { sid: 'of a parser' } })
    return next()
  }, session(), (ctx) => {
    if (ctx.path === '/login') ctx.session.user = 'ann'
    ctx.body = String(ctx.session.user)
  })
  const user = browser()
  t.deepEqual([(await user.get('/login')).body, (await user.get('/read')).body, errors], ['ann', 'ann', []])
})

test.serial('methods in the place of all jars\' own read what they have written', async (t) => {
  const { get, set } = Cookies.prototype
  t.teardown(() => Object.assign(Cookies.prototype, { get, set }))
  const { browser } = await serve(t, session(), (ctx) => { ctx.body = String(ctx.session.n = (ctx.session.n ?? 0) + 1) })
  await browser().get('/')
  Object.assign(Cookies.prototype, {
    get (...given) { return get.apply(this, given)?.slice(1) },
    set (name, value, options) { return set.call(this, name, `x${value}`, options) }
  })
  const user = browser()
  t.deepEqual([(await user.get('/')).body, (await user.get('/')).body], ['1', '2'])
})
