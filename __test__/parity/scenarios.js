'use strict'

// What koa-session-minimal does, one scenario a line of it. A scenario is run as it stands against both packages.
//
//   name      a sentence
//   visits    what each request's handler does, in order; what it returns is the body. Besides a function, a visit may
//             be { does, as (another browser), cookie (the Cookie header, made of the session id), headers };
//             visits in an array are made together
//   options   for session(), besides the store
//   over      the stores that it makes sense on; all of them unless said
//   stack     the middleware, when it is not just session(options) and the handler
//   app       properties of the Koa app
//   records   what the store holds from the beginning
//   answers, live, finds, instead    how the JavaScript store answers, whether it holds live objects, what it finds,
//             methods in place of its own
//   alone     the scenario may end its process

const { inspect } = require('node:util')
const { note } = require('./harness')

const hour = 3600000
const javascript = ['a JavaScript store']
const memory = ['its own memory store']
const seedable = ['a JavaScript store', 'koa-redis', 'its own Redis store']

const known = { 'koa:sess:known': '{"a":1}' }

const leave = () => 'left alone'
const read = (ctx) => ctx.session
const put = (values) => (ctx) => { Object.assign(ctx.session, structuredClone(values)) }
const assign = (value) => (ctx) => { ctx.session = Object.isFrozen(value) ? value : structuredClone(value) }
const clear = assign(null)
const regenerate = (ctx) => ctx.sessionHandler.regenerateId()
const fail = () => { throw new Error('boom') }
const refuse = async () => { throw new Error('refused') }
const all = (...handlers) => async (ctx) => { for (const handler of handlers) await handler(ctx) }

/** A visit with this cookie header, whatever the browser holds. */
const presenting = (header, does) => ({ does, cookie: typeof header === 'string' ? () => header : header })
const overTLS = (does) => ({ does, headers: { 'x-forwarded-proto': 'https' } })

const life = [
  {
    name: 'a session that is left alone makes no cookie and no record',
    visits: [leave, leave]
  },
  {
    name: 'a session that is only read makes no cookie and no record',
    visits: [read, read]
  },
  {
    name: 'a populated session gets a cookie and a record, and is there on later visits',
    visits: [put({ count: 1 }), read, leave, read]
  },
  {
    name: 'a session is saved when it has changed, and each save sends the cookie with a new expiry',
    options: { cookie: { maxAge: hour } },
    visits: [put({ count: 1 }), read, put({ count: 2 }), put({ count: 2 }), leave, put({ other: true }), read]
  },
  {
    name: 'a change deep inside is a change',
    visits: [put({ cart: { items: [{ id: 1, tags: ['a'] }] } }), (ctx) => { ctx.session.cart.items[0].tags.push('b') }, read]
  },
  {
    name: 'a property that is deleted is a change',
    visits: [put({ a: 1, b: 2 }), (ctx) => { delete ctx.session.a }, read]
  },
  {
    name: 'a change that is taken back is no change',
    visits: [put({ a: 1 }), (ctx) => { ctx.session.a = 2; ctx.session.b = 3; delete ctx.session.b; ctx.session.a = 1 }, read]
  },
  {
    name: 'another type of value is a change',
    visits: [put({ n: 1, b: 0, s: '' }), put({ n: '1' }), put({ b: false }), put({ s: null }), read]
  },
  {
    name: 'ctx.session can be assigned a new object',
    visits: [assign({ a: 1, b: 2 }), assign({ b: 3 }), read]
  },
  {
    name: 'a new object of equal value is no change',
    visits: [assign({ a: { b: [1, null] } }), assign({ a: { b: [1, null] } }), read]
  },
  {
    name: 'the order of keys is no change',
    visits: [assign({ a: 1, b: { c: 2, d: 3 } }), assign({ b: { d: 3, c: 2 }, a: 1 }), read]
  },
  {
    name: 'the order of keys is kept in the record when something else has changed',
    visits: [assign({ a: 1, b: 2 }), assign({ b: 2, a: 1, c: 3 }), read]
  },
  {
    name: 'a frozen object is a session',
    visits: [assign(Object.freeze({ a: 1 })), read, assign(Object.freeze({ a: 2 })), read]
  },
  {
    name: 'an array is a session',
    visits: [assign([1, { two: 2 }]), read, (ctx) => { ctx.session.push(3) }, assign([1, { two: 2 }, 3]), read]
  },
  {
    name: 'an emptied array is a cleared session',
    visits: [assign([1]), (ctx) => { ctx.session.length = 0 }, read]
  },
  {
    name: 'an object with the keys of the array it replaces is a change',
    visits: [assign(['a', 'b']), assign({ 0: 'a', 1: 'b' }), read]
  },
  {
    name: 'a session holds any text',
    visits: [
      put({ 'ключ': 'значение', emoji: '👩‍👩‍👧 🏳️‍🌈', lines: 'a\r\n\u2028\u2029\t\0', quotes: '"\\/\'', lone: '\ud800', html: '</script>' }),
      read,
      put({ 日本: '語' }),
      read
    ]
  },
  {
    name: 'a session holds any number that JSON can',
    visits: [put({ zero: -0, big: 2 ** 53 + 2, huge: 1e308, tiny: 5e-324, third: 1 / 3, wide: 1e21 }), read, put({ zero: 0 }), read]
  },
  {
    name: 'keys may be named as members of Object.prototype',
    visits: [put({ constructor: 'acme', hasOwnProperty: false, isPrototypeOf: 0 }), read, leave, put({ constructor: 'other' }), read]
  },
  {
    name: 'a session of a megabyte is kept',
    visits: [put({ text: 'é'.repeat(2 ** 19), n: 1 }), (ctx) => [ctx.session.text.length, ctx.session.n], put({ n: 2 }), read]
  },
  {
    name: 'a record that holds an empty object belongs to its id',
    over: seedable,
    records: { 'koa:sess:known': '{}' },
    visits: [presenting('koa:sess=known', read), presenting('koa:sess=known', put({ a: 1 })), read]
  },
  {
    name: 'a record is read as it is written, whatever its spaces and the order of its keys',
    over: seedable,
    records: { 'koa:sess:known': ' { "b" : 1.0, "a" : [ ] } ' },
    visits: [presenting('koa:sess=known', read), presenting('koa:sess=known', assign({ a: [], b: 1 })), presenting('koa:sess=known', put({ c: 3 }))]
  },
  {
    name: 'a record that is no JSON is no session',
    over: ['koa-redis', 'its own Redis store'],
    records: { 'koa:sess:known': '{"a":' },
    visits: [presenting('koa:sess=known', read), presenting('koa:sess=known', leave)]
  },
  {
    name: 'a record that is no object is no session',
    over: seedable,
    records: { 'koa:sess:one': '1', 'koa:sess:text': '"text"', 'koa:sess:null': 'null', 'koa:sess:true': 'true' },
    visits: ['one', 'text', 'null', 'true'].map((id) => presenting(`koa:sess=${id}`, read))
  }
]

/** Judged on the JSON: departures, most of them. */
const json = [
  {
    name: 'NaN where null was',
    visits: [put({ a: null }), put({ a: NaN }), leave]
  },
  {
    name: 'a property that is undefined',
    visits: [put({ a: 1 }), put({ b: undefined }), leave]
  },
  {
    name: 'a session of nothing but undefined',
    visits: [put({ a: undefined }), leave]
  },
  {
    name: 'a session of nothing but functions',
    visits: [(ctx) => { ctx.session.f = leave }]
  },
  {
    name: 'a session that comes to nothing but undefined',
    visits: [put({ a: 1 }), put({ a: undefined }), leave]
  },
  {
    name: 'a date',
    visits: [put({ at: new Date(0) }), put({ at: new Date(0) }), put({ at: new Date(1) })]
  },
  {
    name: 'an array of nothing but holes',
    visits: [put({ a: 1 }), (ctx) => { ctx.session = Array(2) }]
  },
  {
    name: 'an object without a prototype',
    visits: [put({ a: 1 }), (ctx) => { ctx.session = Object.assign(Object.create(null), { a: 1 }) }]
  },
  {
    name: 'an instance of a class',
    visits: Array(2).fill((ctx) => { ctx.session = new class Point { x = 1 }() })
  },
  {
    name: 'what is no JSON, read again from memory',
    over: memory,
    visits: [put({ date: new Date(0), map: new Map([[1, 2]]), nothing: undefined }), read]
  },
  {
    name: 'a session of thirty days in memory',
    over: memory,
    options: { cookie: { maxAge: 30 * 24 * hour } },
    // Node turns a timer that is too long into one of 1 ms: those run in the order of their making.
    visits: [put({ a: 1 }), () => new Promise((resolve) => setTimeout(resolve, 1)), read]
  }
]

const clearing = [
  ...[
    ['{}', {}], ['null', null], ['undefined', undefined], ['[]', []], ['false', false], ['true', true], ['0', 0], ['a number', 42],
    ['NaN', NaN], ['an empty string', ''], ['a string', 'text'], ['a date', new Date(0)], ['a map', new Map([[1, 2]])], ['a function', Object.freeze(() => {})], ['a symbol', Symbol('s')], ['a bigint', 1n]
  ].map(([what, value]) => ({
    name: `assigning ${what} deletes the session`,
    visits: [put({ a: 1 }), assign(value), read]
  })),
  {
    name: 'delete ctx.session deletes the session without its having been read',
    visits: [put({ a: 1 }), (ctx) => delete ctx.session, read]
  },
  {
    name: 'delete ctx.session deletes the session after it has been read',
    visits: [put({ a: 1 }), (ctx) => [ctx.session.a, delete ctx.session], read]
  },
  {
    name: 'deleting every key deletes the session',
    visits: [put({ a: 1, b: 2 }), (ctx) => { for (const key in ctx.session) delete ctx.session[key] }, read]
  },
  {
    name: 'clearing what was never there does nothing',
    visits: [clear, assign({}), (ctx) => delete ctx.session, assign('text')]
  },
  {
    name: 'clearing a session whose record is gone does nothing',
    visits: [presenting('koa:sess=gone', clear), presenting('koa:sess=gone', (ctx) => delete ctx.session), presenting('koa:sess=gone', read)]
  },
  {
    name: 'assigning [] to a session whose record is gone',
    visits: [presenting('koa:sess=gone', assign([]))]
  },
  {
    name: 'a cleared session begins anew with a new id',
    visits: [put({ a: 1 }), clear, put({ b: 2 }), read]
  },
  {
    name: 'a session that is cleared and populated in one visit is saved',
    visits: [put({ a: 1 }), all(clear, assign({ b: 2 })), read, all((ctx) => delete ctx.session, assign({ c: 3 })), read]
  },
  {
    name: 'a session that is cleared and restored in one visit is not changed',
    visits: [put({ a: 1 }), all(clear, assign({ a: 1 })), (ctx) => { const { session } = ctx; delete ctx.session; ctx.session = session }, read]
  },
  {
    name: 'until the visit ends ctx.session reads as it was assigned',
    visits: [
      put({ a: 1 }),
      (ctx) => [null, undefined, 'text', 42, false, [], {}].map((value) => { ctx.session = value; return ctx.session === value }),
      (ctx) => [delete ctx.session, ctx.session, 'session' in ctx]
    ]
  },
  ...[['null', clear], ['a string', assign('text')], ['delete', (ctx) => delete ctx.session]].map(([what, does]) => ({
    name: `outer middleware reads {} after the session was cleared with ${what}`,
    stack: ({ session, options, handle }) => [
      async (ctx, next) => { await next(); ctx.set('x-session', 'seen'); ctx.body = [ctx.body, inspect(ctx.session)] },
      session(options),
      handle
    ],
    visits: [does, put({ a: 1 }), does, leave]
  }))
]

const cookies = [
  ...[
    ['a maxAge of 0 is a cookie of the browser session, kept for a day', { maxAge: 0 }],
    ['a negative maxAge is a cookie of the browser session, kept for a day', { maxAge: -1 }],
    ['a maxAge of NaN is a cookie of the browser session, kept for a day', { maxAge: NaN }],
    ['a maxAge of null is a cookie of the browser session, kept for a day', { maxAge: null }],
    ['a maxAge of undefined is a cookie of the browser session, kept for a day', { maxAge: undefined }],
    ['a positive maxAge is how long cookie and record are kept', { maxAge: hour }],
    ['a maxAge need not be whole seconds', { maxAge: hour + 0.5 }],
    ['the path passes through', { path: '/app' }],
    ['a path of undefined sends no path', { path: undefined }],
    ['an empty path sends no path', { path: '' }],
    ['the domain passes through', { domain: '.example.com' }],
    ['httpOnly can be turned off', { httpOnly: false }],
    ['httpOnly of undefined turns it off', { httpOnly: undefined }],
    ['secure of false or undefined passes through', { secure: false, domain: undefined, sameSite: undefined }],
    ['sameSite of true passes through', { sameSite: true }],
    ['sameSite lax passes through', { sameSite: 'lax' }],
    ['sameSite none passes through', { sameSite: 'None' }],
    ['sameSite strict passes through', { sameSite: 'strict' }],
    ['sameSite of false passes through', { sameSite: false }],
    ['partitioned passes through', { partitioned: true }],
    ['the priority passes through', { priority: 'HIGH' }],
    ['expires passes through and does not bind the record', { expires: new Date('2100-01-01') }],
    ['maxAge outranks expires', { expires: new Date('2100-01-01'), maxAge: hour }],
    ['all attributes go together', { maxAge: 2 * hour, path: '/a', domain: 'a.example', httpOnly: false, sameSite: 'lax', priority: 'low', partitioned: true }]
  ].map(([name, cookie]) => ({
    name,
    options: { cookie },
    visits: [put({ a: 1 }), put({ a: 2 }), read, clear, read]
  })),
  {
    name: 'the cookie is never signed and always overwrites, whatever the options say',
    app: { keys: ['secret'] },
    options: { cookie: { signed: true, overwrite: false } },
    visits: [put({ a: 1 }), all(regenerate, put({ a: 2 })), read, clear]
  },
  {
    name: 'a secure cookie is sent through a proxy that speaks TLS',
    app: { proxy: true },
    options: { cookie: { secure: true, sameSite: 'none' } },
    visits: [overTLS(put({ a: 1 })), overTLS(read), overTLS(clear)]
  },
  {
    name: 'a cookie is secure of itself over TLS, unless the options say otherwise',
    app: { proxy: true },
    options: { cookie: (ctx) => ctx.session.plain ? { secure: false } : {} },
    visits: [overTLS(put({ a: 1 })), overTLS(put({ plain: true })), put({ plain: false }), overTLS(clear)]
  },
  {
    name: 'a secure cookie over plain HTTP is an error, and nothing is saved',
    options: { cookie: { secure: true } },
    visits: [read, put({ a: 1 }), read]
  },
  {
    name: 'a secure cookie over plain HTTP is an error, and regenerateId does nothing',
    over: seedable,
    options: { cookie: { secure: true } },
    records: known,
    visits: [presenting('koa:sess=known', all(regenerate, put({ b: 2 })))]
  },
  {
    name: 'a secure cookie over plain HTTP while the session is being deleted',
    over: seedable,
    options: { cookie: { secure: true } },
    records: known,
    visits: [presenting('koa:sess=known', clear)]
  },
  ...Object.entries({ sameSite: 'sometimes', path: '/a;b', domain: 'a b', priority: 'urgent' }).map(([attribute, value]) => ({
    name: `a cookie with an impossible ${attribute} is an error, and nothing is saved`,
    options: { cookie: { [attribute]: value } },
    visits: [read, put({ a: 1 }), read]
  })),
  {
    name: 'a session that changes after the headers were sent',
    over: seedable,
    records: known,
    stack: ({ session, options, handle }) => [
      async (ctx, next) => {
        try {
          await next()
        } catch (error) {
          ctx.respond = false
          ctx.res.end(error.code)
        }
      },
      session(options),
      (ctx, next) => { ctx.status = 200; ctx.res.flushHeaders(); return next() },
      handle
    ],
    visits: [read, put({ a: 2 }), presenting('koa:sess=known', put({ a: 2 })), presenting('koa:sess=known', clear)]
  },
  {
    name: 'the session cookie takes the place of one that the handler has set by the same name',
    visits: [(ctx) => { ctx.cookies.set('koa:sess', 'mine'); ctx.cookies.set('other', 'kept'); ctx.session.a = 1 }, read]
  },
  {
    name: 'cookies of others are left alone',
    visits: [
      (ctx) => { ctx.cookies.set('koa:sess2', 'a'); ctx.cookies.set('sess', 'b'); ctx.session.a = 1 },
      (ctx) => { ctx.cookies.set('koa:sess2', null); ctx.session = null },
      read
    ]
  }
]

const told = (cookie) => (...args) => {
  note(`cookie(${args.length} argument) with ctx.session ${inspect(args[0].session)}`)
  return cookie
}

const cookieFunctions = [
  {
    name: 'the cookie function is called with ctx, once for each save or deletion',
    options: { cookie: told({ maxAge: hour, path: '/told' }) },
    visits: [put({ a: 1 }), read, leave, put({ a: 1 }), put({ a: 2 }), all(regenerate, put({ a: 3 })), clear, put({ b: 1 }), (ctx) => delete ctx.session]
  },
  {
    name: 'the cookie function reads {} when the session was cleared',
    options: { cookie: told() },
    visits: [put({ a: 1 }), assign('text'), put({ a: 1 }), (ctx) => delete ctx.session, put({ a: 1 }), all(regenerate, clear)]
  },
  {
    name: 'a visit that neither saves nor deletes',
    options: { cookie: told() },
    visits: [leave, read, all(regenerate, clear), presenting('koa:sess=', leave)]
  },
  ...[['undefined', undefined], ['null', null], ['false', false], ['an empty object', {}], ['a promise', Promise.resolve({ path: '/late' })]].map(([what, value]) => ({
    name: `a cookie function that returns ${what} means the defaults`,
    options: { cookie: () => value },
    visits: [put({ a: 1 }), read, clear]
  })),
  {
    name: 'the cookie function decides by the session',
    options: { cookie: (ctx) => ({ maxAge: ctx.session.user ? 24 * hour : 0, path: ctx.state.path || '/' }) },
    visits: [put({ cart: 1 }), (ctx) => { ctx.session.user = 'jo'; ctx.state.path = '/jo' }, (ctx) => { delete ctx.session.user }, clear]
  },
  {
    name: 'what the cookie function puts into the session is saved',
    options: { cookie: (ctx) => { ctx.session.seen = 'by cookie' } },
    visits: [put({ a: 1 }), read]
  },
  {
    name: 'nothing is saved when the cookie function throws',
    options: { cookie: (ctx) => ctx.session.bad ? fail() : { maxAge: hour } },
    visits: [put({ bad: true }), read, put({ a: 1 }), put({ bad: true }), all(regenerate, put({ bad: true }))]
  },
  {
    name: 'a cookie function that throws while the session is being deleted',
    options: { cookie: (ctx) => ctx.session.a ? { path: '/a' } : fail() },
    visits: [put({ a: 1 }), clear]
  }
]

const regenerating = [
  {
    name: 'regenerateId before a change',
    visits: [put({ a: 1 }), all(regenerate, put({ b: 2 })), read]
  },
  {
    name: 'regenerateId after a change',
    visits: [put({ a: 1 }), all(put({ b: 2 }), regenerate), read]
  },
  {
    name: 'regenerateId keeps data that nobody touches',
    options: { cookie: { maxAge: hour } },
    visits: [put({ a: 1 }), regenerate, read]
  },
  {
    name: 'regenerateId keeps data that is only read',
    visits: [put({ a: 1 }), all(read, regenerate, read), read]
  },
  {
    name: 'regenerateId twice',
    visits: [put({ a: 1 }), all(regenerate, put({ b: 2 }), regenerate), regenerate, read]
  },
  {
    name: 'regenerateId detached from its handler, and later',
    visits: [
      put({ a: 1 }),
      async (ctx) => {
        const { regenerateId } = ctx.sessionHandler
        await new Promise((resolve) => setImmediate(resolve))
        return regenerateId('ignored')
      },
      read
    ]
  },
  {
    name: 'regenerateId is there on every visit, and returns nothing',
    visits: [
      (ctx) => [typeof ctx.sessionHandler.regenerateId, 'regenerateId' in ctx.sessionHandler],
      (ctx) => [ctx.sessionHandler.regenerateId(), ctx.sessionHandler.regenerateId()]
    ]
  },
  {
    name: 'regenerateId without a session',
    visits: [regenerate, all(regenerate, put({ a: 1 })), read]
  },
  {
    name: 'regenerateId and clearing, in either order',
    visits: [put({ a: 1 }), all(regenerate, clear), read, put({ b: 2 }), all(clear, regenerate), read]
  },
  {
    name: 'regenerateId of an array',
    visits: [assign([1, 2]), regenerate, read]
  },
  {
    name: 'regenerateId and a new object',
    visits: [assign({ a: 1 }), all(regenerate, assign({ b: 2 })), read]
  },
  {
    name: 'regenerateId comes too late after the session was saved',
    stack: ({ session, options, handle }) => [
      async (ctx, next) => { await next(); regenerate(ctx) },
      session(options),
      handle
    ],
    visits: [put({ a: 1 }), read, put({ a: 2 })]
  },
  {
    name: 'the old id is no session any more after regenerateId',
    visits: [
      { does: put({ a: 1 }), as: 'owner' },
      { does: all(regenerate, read), as: 'owner', cookie: (id) => `koa:sess=${id}` },
      { does: read, as: 'owner' }
    ]
  },
  {
    name: 'regenerateId with an id that the store does not know, and no data',
    visits: [presenting('koa:sess=unknown', regenerate)]
  },
  {
    name: 'regenerateId with an id that the store does not know, and data',
    visits: [presenting('koa:sess=unknown', all(regenerate, put({ a: 1 }))), read]
  }
]

const errors = [
  {
    name: 'a handler that throws after a change saves nothing',
    visits: [all(put({ a: 1 }), fail), read]
  },
  {
    name: 'a handler that throws after changing a saved session saves nothing',
    visits: [put({ a: 1 }), all(put({ a: 2 }), fail), read]
  },
  {
    name: 'a handler that throws after clearing deletes nothing',
    visits: [put({ a: 1 }), all(clear, fail), read, all((ctx) => delete ctx.session, fail), read]
  },
  {
    name: 'a handler that throws after regenerateId changes nothing',
    visits: [put({ a: 1 }), all(regenerate, fail), read]
  },
  {
    name: 'a handler that refuses with a status saves nothing',
    visits: [put({ a: 1 }), all(assign({ a: 2 }), (ctx) => ctx.throw(403, 'not you')), read]
  },
  {
    name: 'an error of outer middleware comes too late to save nothing',
    stack: ({ session, options, handle }) => [
      async (ctx, next) => { await next(); if (ctx.session.bad) fail() },
      session(options),
      handle
    ],
    visits: [put({ a: 1 }), put({ bad: true }), read]
  },
  {
    name: 'outer middleware that catches an error reads what the handler left',
    stack: ({ session, options, handle }) => [
      async (ctx, next) => { try { await next() } catch (error) { ctx.body = [error.message, ctx.session, 'session' in ctx].map(inspect).join() } },
      session(options),
      handle
    ],
    visits: [
      all(put({ a: 1 }), fail), put({ b: 1 }), all(assign('text'), fail), all((ctx) => delete ctx.session, fail), all(assign({ c: 1 }), fail)
    ]
  },
  {
    name: 'an error that inner middleware has caught saves the session',
    stack: ({ session, options, handle }) => [
      session(options),
      async (ctx, next) => { try { await next() } catch (error) { ctx.session.error = error.message } },
      handle
    ],
    visits: [all(put({ a: 1 }), fail), read]
  },
  ...[
    ['throws', () => { throw new Error('refused') }],
    ['rejects', refuse]
  ].map(([what, get]) => ({
    name: `a store whose get ${what} is an error`,
    over: javascript,
    instead: { get },
    visits: [read, presenting('koa:sess=known', leave), presenting('koa:sess=known', put({ a: 1 })), put({ b: 2 })]
  })),
  {
    name: 'a store whose set throws at once is an error, and no cookie is sent',
    over: javascript,
    instead: { set: () => { throw new Error('refused') } },
    visits: [put({ a: 1 }), read]
  },
  {
    name: 'a store whose destroy throws at once is an error, and no cookie is sent',
    over: javascript,
    instead: { destroy: () => { throw new Error('refused') } },
    visits: [put({ a: 1 }), clear, read]
  }
]

const rejections = [
  {
    name: 'a store whose set rejects',
    instead: { set: refuse },
    visits: [put({ a: 1 }), read]
  },
  {
    name: 'a store whose destroy rejects',
    records: known,
    instead: { destroy: refuse },
    visits: [presenting('koa:sess=known', clear), presenting('koa:sess=known', read)]
  },
  {
    name: 'a store whose set rejects after regenerateId',
    records: known,
    instead: { set: refuse },
    visits: [presenting('koa:sess=known', all(regenerate, put({ b: 2 }))), presenting('koa:sess=known', read)]
  },
  {
    name: 'a store whose destroy rejects after regenerateId',
    records: known,
    instead: { destroy: refuse },
    visits: [presenting('koa:sess=known', all(regenerate, put({ b: 2 }))), presenting('koa:sess=known', read)]
  },
  {
    name: 'a store that answers with thunks',
    answers: 'thunks',
    visits: [put({ a: 1 }), read, put({ a: 2 }), leave, regenerate, read, clear, read]
  }
].map((scenario) => ({ ...scenario, over: javascript, alone: true }))

const later = (what) => async () => {
  await new Promise((resolve) => setImmediate(resolve))
  note(`${what} is done`)
}

const waiting = [
  {
    name: 'a store that takes its time',
    over: javascript,
    records: known,
    instead: { set: later('set'), destroy: later('destroy') },
    stack: ({ session, options, handle }) => [
      async (ctx, next) => { await next(); note('the session middleware is done') },
      session(options),
      handle
    ],
    visits: [put({ a: 1 }), presenting('koa:sess=known', clear)]
  }
]

const flow = [
  {
    name: 'a client that follows a redirect finds its session',
    visits: [
      (ctx) => { ctx.session.user = 'jo'; ctx.redirect('/2') },
      read,
      (ctx) => { ctx.session.user = 'mo'; regenerate(ctx); ctx.redirect('/4') },
      read,
      (ctx) => { ctx.session = null; ctx.redirect('/6') },
      read
    ]
  },
  {
    name: 'sessions of several visitors do not mix',
    visits: [
      { as: 'jo', does: put({ user: 'jo' }) },
      { as: 'mo', does: put({ user: 'mo' }) },
      { as: 'nobody', does: read },
      { as: 'jo', does: read },
      { as: 'mo', does: clear },
      { as: 'jo', does: read }
    ]
  },
  {
    name: 'visits of several visitors at once do not mix',
    visits: [
      ...['a', 'b', 'c', 'd', 'e'].map((as) => ({ as, does: put({ as, n: 1 }) })),
      ['a', 'b', 'c', 'd', 'e'].map((as) => ({
        as,
        does: async (ctx) => {
          await new Promise((resolve) => setImmediate(resolve))
          if (as === 'd') return regenerate(ctx)
          if (as === 'e') return clear(ctx)
          ctx.session.n++
        }
      })),
      ...['a', 'b', 'c', 'd', 'e'].map((as) => ({ as, does: read }))
    ]
  },
  {
    name: 'visits of one visitor at once all read the session',
    visits: [put({ a: 1 }), [read, read, leave, read]]
  },
  {
    name: 'the session is there for inner middleware, on the way in and out',
    stack: ({ session, options, handle }) => [
      session(options),
      async (ctx, next) => { ctx.session.in = true; await next(); ctx.session.out = true },
      handle
    ],
    visits: [read, read, put({ a: 1 }), (ctx) => delete ctx.session.out]
  },
  {
    name: 'the session is there for outer middleware, but only on the way out and too late to change',
    stack: ({ session, options, handle }) => [
      async (ctx, next) => {
        const before = inspect(ctx.session)
        await next()
        ctx.body += `, before ${before}, after ${inspect(ctx.session)}`
        ctx.session.late = true
      },
      session(options),
      handle
    ],
    visits: [read, put({ a: 1 }), read, put({ a: 2 }), assign(null)]
  },
  {
    name: 'two sessions of different keys on one app',
    stack: ({ session, options, handle }) => [
      session({ ...options, key: 'outer' }),
      async (ctx, next) => {
        ctx.session.outer = (ctx.session.outer || 0) + 1
        await next()
        ctx.body += ` inside ${inspect(ctx.session)}`
      },
      session({ ...options, key: 'inner' }),
      handle
    ],
    visits: [put({ inner: 1 }), read]
  }
]

const oddCookies = [
  ...[
    ['is found among others', (id) => `a=1; koa:sess=${id}; b=2`],
    ['may be quoted', (id) => `koa:sess="${id}"`],
    ['is quoted as soon as it begins so', (id) => `koa:sess="${id}.`],
    ['needs no space before it', (id) => `a=1;koa:sess=${id};b=2`],
    ['may have many spaces before it', (id) => `a=1;    koa:sess=${id}`],
    ['is not found after a tab', (id) => `a=1;\tkoa:sess=${id}`],
    ['is not found with a space before its =', (id) => `koa:sess =${id}`],
    ['is not found under a name that ends so', (id) => `xkoa:sess=${id}; my koa:sess=${id}`],
    ['is not found under a name that begins so', (id) => `koa:sess2=${id}; koa:sess.sig=${id}`],
    ['is found after names that it resembles', (id) => `xkoa:sess=1; koa:sess2=2; koa:sess.sig=3; koa:sess=${id}`],
    ['is not found in the value of another', (id) => `a=koa:sess=${id}; b=" koa:sess=${id}"`],
    ['is found between broken cookies', (id) => `; ;=;a;;b=; koa:sess=${id};;`],
    ['counts by its first mention', (id) => `koa:sess=${id}; koa:sess=other`],
    ['is empty when its first mention is', (id) => `koa:sess=; koa:sess=${id}`],
    ['is told apart by case', (id) => `KOA:SESS=${id}; Koa:sess=${id}`]
  ].map(([what, cookie]) => ({
    name: `the session cookie ${what}`,
    visits: [put({ a: 1 }), { does: read, cookie }, { does: leave, cookie }]
  })),
  {
    name: 'an empty cookie is no cookie',
    visits: [presenting('koa:sess=', read), presenting('koa:sess=""', read), presenting('koa:sess=', put({ a: 1 })), read]
  },
  {
    name: 'an id that the store does not know is only looked up when nothing is saved',
    visits: [presenting('koa:sess=unknown', read), presenting('koa:sess=unknown', leave)]
  },
  {
    name: 'an id that the store does not know, when something is saved',
    visits: [presenting('koa:sess=unknown', put({ a: 1 })), read]
  },
  {
    name: 'an id that the store does not know is adopted with adoptUnknownIds',
    options: { adoptUnknownIds: true },
    visits: [presenting('koa:sess=unknown', put({ a: 1 })), read]
  },
  {
    name: 'a malformed id when nothing is saved',
    visits: ['../../etc/passwd', 'a%20b', 'a b', 'cache:user:1', 'x'.repeat(129)].map((id) => presenting(`koa:sess=${id}`, read))
  },
  {
    name: 'a malformed id when something is saved',
    visits: [presenting('koa:sess=../x', put({ a: 1 })), read]
  },
  {
    name: 'a malformed id and regenerateId',
    visits: [presenting('koa:sess=../x', regenerate), presenting('koa:sess=../x', all(regenerate, put({ a: 1 })))]
  },
  {
    name: 'ids of other makers are sessions, if the store knows them',
    over: seedable,
    records: Object.fromEntries(['a', '__proto__', '-_-', 'x'.repeat(128), '0'.repeat(24)].map((id) => [`koa:sess:${id}`, '{"a":1}'])),
    visits: ['a', '__proto__', '-_-', 'x'.repeat(128), '0'.repeat(24)].map((id) => presenting(`koa:sess=${id}`, put({ b: 2 })))
  }
]

const options = [
  ...['sid', 'koa.sid', 'a+b(c)*[d]$|^?', 'SESSION_ID', 'x'].map((key) => ({
    name: `the key ${key} names cookie and records`,
    options: { key },
    visits: [put({ a: 1 }), read, all(regenerate, put({ b: 2 })), clear, read]
  })),
  ...[undefined, null, false, 0, ''].map((options) => ({
    name: `options of ${inspect(options)} mean the defaults`,
    over: memory,
    options,
    visits: [put({ a: 1 }), read, clear, read]
  })),
  ...['key', 'store', 'cookie'].flatMap((name) => [undefined, null, false, 0, ''].map((value) => ({
    name: `the option ${name} of ${inspect(value)} means the default`,
    over: name === 'store' ? memory : undefined,
    options: { [name]: value },
    visits: [put({ a: 1 }), read, clear, read]
  }))),
  {
    name: 'options that nobody knows change nothing',
    options: { prefix: 'koa:sess', ttl: 1, rolling: true, errorHandler: fail },
    visits: [put({ a: 1 }), read, clear]
  },
  {
    name: 'a maxAge of Infinity',
    over: javascript,
    options: { cookie: { maxAge: Infinity } },
    visits: [put({ a: 1 }), read]
  },
  {
    name: 'a maxAge that is a string',
    over: javascript,
    options: { cookie: { maxAge: '3600000' } },
    visits: [put({ a: 1 }), read]
  },
  {
    name: 'a cookie function that returns a maxAge that could never work',
    over: javascript,
    records: known,
    options: { cookie: () => ({ maxAge: Infinity }) },
    visits: [put({ a: 1 }), presenting('koa:sess=known', put({ a: 2 })), presenting('koa:sess=known', all(regenerate, put({ a: 2 })))]
  },
  ...['a=b', 'a;b', 'ключ', 'a\nb'].map((key) => ({
    name: `the key ${inspect(key)} that can name no cookie`,
    over: javascript,
    options: { key },
    visits: [read, put({ a: 1 })]
  })),
  {
    name: 'a key that is no string',
    over: javascript,
    options: { key: 42 },
    visits: [put({ a: 1 }), read]
  },
  {
    name: 'a store that is none',
    over: memory,
    options: { store: { get () {} } },
    visits: [put({ a: 1 })]
  }
]

const storeKinds = [
  ...['plain values', 'promises', 'async functions', 'generators'].map((kind) => ({
    name: `a JavaScript store may answer with ${kind}`,
    over: javascript,
    answers: kind,
    visits: [put({ a: 1 }), read, put({ a: 2 }), leave, regenerate, read, clear, read]
  })),
  {
    name: 'a JavaScript store may hold live objects',
    over: javascript,
    live: true,
    visits: [put({ a: 1 }), read, put({ a: 2 }), read, all(put({ a: 3 }), fail), read, leave, put({ a: 4 }), clear, read]
  },
  ...[undefined, null, false, true, 0, 42, '', 'text'].map((value) => ({
    name: `a JavaScript store that finds ${inspect(value)} has found no session`,
    over: javascript,
    finds: () => value,
    visits: [presenting('koa:sess=known', read), presenting('koa:sess=known', clear)]
  })),
  {
    name: 'a JavaScript store that finds {} or [] has found an empty session',
    over: javascript,
    finds: (key) => key.endsWith('list') ? [] : {},
    visits: [presenting('koa:sess=list', read), presenting('koa:sess=list', put(['a'])), presenting('koa:sess=thing', put({ a: 1 }))]
  },
  {
    name: 'what a JavaScript store finds is the session, as live as it is',
    over: javascript,
    finds: () => ({ at: new Map([[1, 2]]), by: class Someone {} }),
    visits: [presenting('koa:sess=known', (ctx) => [ctx.session.at.get(1), ctx.session.by.name])]
  }
]

module.exports = [
  life, json, clearing, cookies, cookieFunctions, regenerating, errors, rejections, waiting, flow, oddCookies, options, storeKinds
].flat()
