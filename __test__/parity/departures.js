'use strict'

// Where this package is meant to differ from koa-session-minimal, and why. A scenario that is named nowhere here must
// give the same lines on both sides. Each entry says what koa-session-minimal's lines are, and what ours are in their
// place; everything before and after must still be equal. Where a store shows no calls or records, those lines do not count.

const { inspect } = require('node:util')

const memory = ['its own memory store']
const stored = ['a JavaScript store', 'koa-redis', 'its own Redis store']

const departures = [
  {
    name: 'change and emptiness are judged on the JSON',
    reason: `What the store would hold is what counts: koa-session-minimal compares the live session with a JSON copy of
      itself, and so saves a date, an undefined, a NaN or an instance of a class again and again, and keeps records of {}.`,
    scenarios: {
      'NaN where null was': [
        {
          over: stored,
          ksm: `
            visit with koa:sess=id1
            get(koa:sess:id1)
            set(koa:sess:id1, {"a":null}, 86400000)
            200 ok
            koa:sess=id1; path=/; httponly`,
          ours: `
            visit with koa:sess=id1
            get(koa:sess:id1)
            200 ok`
        },
        {
          over: memory, // the live NaN is found again, and again it is no null
          ksm: `
            visit with koa:sess=id1
            200 ok
            koa:sess=id1; path=/; httponly
            visit with koa:sess=id1
            200 'left alone'
            koa:sess=id1; path=/; httponly`,
          ours: `
            visit with koa:sess=id1
            200 ok
            visit with koa:sess=id1
            200 'left alone'`
        }
      ],
      'a property that is undefined': [
        {
          over: stored,
          ksm: `
            visit with koa:sess=id1
            get(koa:sess:id1)
            set(koa:sess:id1, {"a":1}, 86400000)
            200 ok
            koa:sess=id1; path=/; httponly`,
          ours: `
            visit with koa:sess=id1
            get(koa:sess:id1)
            200 ok`
        },
        {
          over: memory,
          ksm: `
            visit with koa:sess=id1
            200 ok
            koa:sess=id1; path=/; httponly
            visit with koa:sess=id1
            200 'left alone'
            koa:sess=id1; path=/; httponly`,
          ours: `
            visit with koa:sess=id1
            200 ok
            visit with koa:sess=id1
            200 'left alone'`
        }
      ],
      'a session of nothing but undefined': [
        {
          over: stored,
          ksm: `
            set(koa:sess:id1, {}, 86400000)
            200 ok
            koa:sess=id1; path=/; httponly
            visit with koa:sess=id1
            get(koa:sess:id1)
            200 'left alone'
            holds koa:sess:id1 {} for 86400 s`,
          ours: `
            200 ok
            visit with no cookie
            200 'left alone'`
        },
        {
          over: memory,
          ksm: `
            200 ok
            koa:sess=id1; path=/; httponly
            visit with koa:sess=id1
            200 'left alone'
            koa:sess=id1; path=/; httponly`,
          ours: `
            200 ok
            visit with no cookie
            200 'left alone'`
        }
      ],
      'a session of nothing but functions': [
        {
          ksm: `
            set(koa:sess:id1, {}, 86400000)
            200 ok
            koa:sess=id1; path=/; httponly
            holds koa:sess:id1 {} for 86400 s`,
          ours: `
            200 ok`
        }
      ],
      'a session that comes to nothing but undefined': [
        {
          over: stored,
          ksm: `
            visit with koa:sess=id1
            get(koa:sess:id1)
            set(koa:sess:id1, {}, 86400000)
            200 ok
            koa:sess=id1; path=/; httponly
            visit with koa:sess=id1
            get(koa:sess:id1)
            200 'left alone'
            holds koa:sess:id1 {} for 86400 s`,
          ours: `
            visit with koa:sess=id1
            get(koa:sess:id1)
            destroy(koa:sess:id1)
            200 ok
            koa:sess=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly
            visit with no cookie
            200 'left alone'`
        },
        {
          over: memory,
          ksm: `
            visit with koa:sess=id1
            200 ok
            koa:sess=id1; path=/; httponly
            visit with koa:sess=id1
            200 'left alone'
            koa:sess=id1; path=/; httponly`,
          ours: `
            visit with koa:sess=id1
            200 ok
            koa:sess=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly
            visit with no cookie
            200 'left alone'`
        }
      ],
      'a date': [
        {
          ksm: `
            visit with koa:sess=id1
            get(koa:sess:id1)
            set(koa:sess:id1, {"at":"1970-01-01T00:00:00.000Z"}, 86400000)
            200 ok
            koa:sess=id1; path=/; httponly`,
          ours: `
            visit with koa:sess=id1
            get(koa:sess:id1)
            200 ok`
        }
      ],
      'an array of nothing but holes': [
        {
          ksm: `
            destroy(koa:sess:id1)
            200 ok
            koa:sess=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly`,
          ours: `
            set(koa:sess:id1, [null,null], 86400000)
            200 ok
            koa:sess=id1; path=/; httponly
            holds koa:sess:id1 [null,null] for 86400 s`
        }
      ],
      'assigning [] to a session whose record is gone': [
        {
          ksm: `
            get(koa:sess:gone)
            destroy(koa:sess:gone)
            200 ok
            koa:sess=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly`,
          ours: `
            get(koa:sess:gone)
            200 ok`
        }
      ],
      'an object without a prototype': [
        {
          ksm: `
            visit with koa:sess=id1
            get(koa:sess:id1)
            set(koa:sess:id1, {"a":1}, 86400000)
            200 ok
            koa:sess=id1; path=/; httponly`,
          ours: `
            visit with koa:sess=id1
            get(koa:sess:id1)
            200 ok`
        }
      ],
      'an instance of a class': [
        {
          ksm: `
            visit with koa:sess=id1
            get(koa:sess:id1)
            set(koa:sess:id1, {"x":1}, 86400000)
            200 ok
            koa:sess=id1; path=/; httponly`,
          ours: `
            visit with koa:sess=id1
            get(koa:sess:id1)
            200 ok`
        }
      ],
      'what a JavaScript store finds is the session, as live as it is': [
        {
          ksm: `
            get(koa:sess:known)
            set(koa:sess:known, {"at":{}}, 86400000)
            200 [ 2, 'Someone' ]
            koa:sess=known; path=/; httponly
            holds koa:sess:known {"at":{}} for 86400 s`,
          ours: `
            get(koa:sess:known)
            200 [ 2, 'Someone' ]`
        }
      ]
    }
  },
  {
    name: 'the memory store holds JSON, not live objects',
    reason: `It behaves as Redis does: what a failed request did to the session, or what was done too late, is not kept,
      and what one sees in development is what one gets in production.`,
    scenarios: {
      'what is no JSON, read again from memory': [
        {
          ksm: `
            200 { date: 1970-01-01T00:00:00.000Z, map: Map(1) { 1 => 2 }, nothing: undefined }
            koa:sess=id1; path=/; httponly`,
          ours: `
            200 { date: '1970-01-01T00:00:00.000Z', map: {} }`
        }
      ],
      'a session holds any number that JSON can': [
        {
          over: memory,
          ksm: '200 { zero: -0, big: 9007199254740994, huge: 1e+308, tiny: 5e-324, third: 0.3333333333333333, wide: 1e+21 }',
          ours: '200 { zero: 0, big: 9007199254740994, huge: 1e+308, tiny: 5e-324, third: 0.3333333333333333, wide: 1e+21 }'
        }
      ],
      'a handler that throws after changing a saved session saves nothing': [
        { over: memory, ksm: '200 { a: 2 }', ours: '200 { a: 1 }' }
      ],
      'the session is there for outer middleware, but only on the way out and too late to change': [
        {
          over: memory,
          ksm: '200 { a: 1, late: true }, before undefined, after { a: 1, late: true }',
          ours: '200 { a: 1 }, before undefined, after { a: 1 }'
        },
        {
          over: memory,
          ksm: '200 ok, before undefined, after { a: 2, late: true }',
          ours: '200 ok, before undefined, after { a: 2 }'
        }
      ]
    }
  },
  {
    name: 'a session lives in memory as long as it is told to',
    reason: 'The timer of koa-session-minimal overflows at 2^31 ms, 24.8 days, and deletes the session at once.',
    scenarios: {
      'a session of thirty days in memory': [{ ksm: '200 {}', ours: '200 { a: 1 }' }]
    }
  },
  {
    name: 'regenerateId writes the new record before it destroys the old one',
    reason: 'A write that fails in between must not cost the user the session.',
    scenarios: [
      'the cookie is never signed and always overwrites, whatever the options say',
      'the cookie function is called with ctx, once for each save or deletion',
      'regenerateId before a change',
      'regenerateId after a change',
      'regenerateId keeps data that nobody touches',
      'regenerateId keeps data that is only read',
      'regenerateId twice',
      'regenerateId detached from its handler, and later',
      'regenerateId of an array',
      'regenerateId and a new object',
      'regenerateId with an id that the store does not know, and data',
      'the old id is no session any more after regenerateId',
      'a client that follows a redirect finds its session',
      'visits of several visitors at once do not mix',
      ...['sid', 'koa.sid', 'a+b(c)*[d]$|^?', 'SESSION_ID', 'x'].map((key) => `the key ${key} names cookie and records`),
      ...['plain values', 'promises', 'async functions', 'generators'].map((kind) => `a JavaScript store may answer with ${kind}`)
    ],
    rule (lines) {
      const turned = [...lines]
      for (let i = 1; i < turned.length; i++) {
        const [first, second] = turned.slice(i - 1, i + 1)
        if (first.startsWith('destroy(') && second.startsWith('set(')) turned.splice(i - 1, 2, second, first)
      }
      return turned
    }
  },
  {
    name: 'the cookie function is called only when a session is saved or deleted',
    reason: 'So the README of koa-session-minimal has it; it calls the function on first visits too, and drops the result.',
    scenarios: {
      'a visit that neither saves nor deletes': [
        {
          ksm: `
            visit with no cookie
            cookie(1 argument) with ctx.session {}
            200 'left alone'
            visit with no cookie
            cookie(1 argument) with ctx.session {}
            200 {}
            visit with no cookie
            cookie(1 argument) with ctx.session {}
            200 ok
            visit with koa:sess=
            cookie(1 argument) with ctx.session {}
            200 'left alone'`,
          ours: `
            visit with no cookie
            200 'left alone'
            visit with no cookie
            200 {}
            visit with no cookie
            200 ok
            visit with koa:sess=
            200 'left alone'`
        }
      ]
    }
  },
  {
    name: 'a cookie function that throws, or a cookie that cannot be sent, does not keep a session alive',
    reason: 'A logout must work: the error is reported on app, and cookie and record go with the default attributes.',
    scenarios: {
      'a secure cookie over plain HTTP while the session is being deleted': [
        {
          ksm: `
            get(koa:sess:known)
            app error: Cannot send secure cookie over unencrypted connection
            500 Internal Server Error
            holds koa:sess:known {"a":1} for 86400 s`,
          ours: `
            get(koa:sess:known)
            destroy(koa:sess:known)
            app error: Cannot send secure cookie over unencrypted connection
            200 ok
            koa:sess=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly`
        }
      ],
      'a cookie function that throws while the session is being deleted': [
        {
          ksm: `
            get(koa:sess:id1)
            app error: boom
            500 Internal Server Error
            holds koa:sess:id1 {"a":1} for 86400 s`,
          ours: `
            get(koa:sess:id1)
            app error: boom
            destroy(koa:sess:id1)
            200 ok
            koa:sess=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly`
        }
      ]
    }
  },
  {
    name: 'an id that the store does not know is never adopted',
    reason: 'Session fixation: who plants a cookie must not know the id of the session that grows from it.',
    scenarios: {
      'an id that the store does not know, when something is saved': [
        {
          ksm: `
            visit with koa:sess=unknown
            get(koa:sess:unknown)
            set(koa:sess:unknown, {"a":1}, 86400000)
            200 ok
            koa:sess=unknown; path=/; httponly
            visit with koa:sess=unknown
            get(koa:sess:unknown)
            200 { a: 1 }
            holds koa:sess:unknown {"a":1} for 86400 s`,
          ours: `
            visit with koa:sess=unknown
            get(koa:sess:unknown)
            set(koa:sess:id1, {"a":1}, 86400000)
            200 ok
            koa:sess=id1; path=/; httponly
            visit with koa:sess=id1
            get(koa:sess:id1)
            200 { a: 1 }
            holds koa:sess:id1 {"a":1} for 86400 s`
        }
      ]
    }
  },
  {
    name: 'malformed ids reach no store',
    reason: 'What is not made of 1 to 128 of A-Z a-z 0-9 _ - is no id of any maker: it counts as no cookie at all.',
    scenarios: {
      'a malformed id when nothing is saved': [
        {
          over: ['a JavaScript store', 'koa-redis'],
          ksm: `
            visit with koa:sess=../../etc/passwd
            get(koa:sess:../../etc/passwd)
            200 {}
            visit with koa:sess=a%20b
            get(koa:sess:a%20b)
            200 {}
            visit with koa:sess=a b
            get(koa:sess:a b)
            200 {}
            visit with koa:sess=cache:user:1
            get(koa:sess:cache:user:1)
            200 {}`,
          ours: `
            visit with koa:sess=../../etc/passwd
            200 {}
            visit with koa:sess=a%20b
            200 {}
            visit with koa:sess=a b
            200 {}
            visit with koa:sess=cache:user:1
            200 {}`
        },
        {
          over: ['a JavaScript store', 'koa-redis'],
          ksm: `get(koa:sess:${'x'.repeat(129)})`,
          ours: ''
        }
      ],
      'a malformed id when something is saved': [
        {
          ksm: `
            visit with koa:sess=../x
            get(koa:sess:../x)
            set(koa:sess:../x, {"a":1}, 86400000)
            200 ok
            koa:sess=../x; path=/; httponly
            visit with koa:sess=../x
            get(koa:sess:../x)
            200 { a: 1 }
            holds koa:sess:../x {"a":1} for 86400 s`,
          ours: `
            visit with koa:sess=../x
            set(koa:sess:id1, {"a":1}, 86400000)
            200 ok
            koa:sess=id1; path=/; httponly
            visit with koa:sess=id1
            get(koa:sess:id1)
            200 { a: 1 }
            holds koa:sess:id1 {"a":1} for 86400 s`
        }
      ],
      'a malformed id and regenerateId': [
        {
          ksm: `
            visit with koa:sess=../x
            get(koa:sess:../x)
            destroy(koa:sess:../x)
            200 ok
            koa:sess=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly
            visit with koa:sess=../x
            get(koa:sess:../x)
            destroy(koa:sess:../x)
            set(koa:sess:id1, {"a":1}, 86400000)`,
          ours: `
            visit with koa:sess=../x
            200 ok
            visit with koa:sess=../x
            set(koa:sess:id1, {"a":1}, 86400000)`
        }
      ]
    }
  },
  {
    name: 'writes are awaited, and the cookie is set only when they have succeeded',
    reason: `koa-session-minimal lets the promises of set and destroy float: a store that rejects ends the process, and
      until it does clients get cookies of sessions that are nowhere.`,
    scenarios: {
      'a store that takes its time': [
        {
          ksm: `
            set(koa:sess:id1, {"a":1}, 86400000)
            the session middleware is done
            set is done`,
          ours: `
            set(koa:sess:id1, {"a":1}, 86400000)
            set is done
            the session middleware is done`
        },
        {
          ksm: `
            destroy(koa:sess:known)
            the session middleware is done
            destroy is done`,
          ours: `
            destroy(koa:sess:known)
            destroy is done
            the session middleware is done`
        }
      ],
      'a store whose set rejects': [
        {
          ksm: `
            set(koa:sess:id1, {"a":1}, 86400000)
            the process ends with code 1: Error: refused`,
          ours: `
            set(koa:sess:id1, {"a":1}, 86400000)
            app error: refused
            500 Internal Server Error
            visit with no cookie
            200 {}`
        }
      ],
      'a store whose destroy rejects': [
        {
          ksm: `
            destroy(koa:sess:known)
            the process ends with code 1: Error: refused`,
          ours: `
            destroy(koa:sess:known)
            app error: refused
            500 Internal Server Error
            visit with koa:sess=known
            get(koa:sess:known)
            200 { a: 1 }
            holds koa:sess:known {"a":1} for 86400 s`
        }
      ],
      'a store whose set rejects after regenerateId': [
        {
          ksm: `
            destroy(koa:sess:known)
            set(koa:sess:id1, {"a":1,"b":2}, 86400000)
            the process ends with code 1: Error: refused`,
          ours: `
            set(koa:sess:id1, {"a":1,"b":2}, 86400000)
            app error: refused
            500 Internal Server Error
            visit with koa:sess=known
            get(koa:sess:known)
            200 { a: 1 }
            holds koa:sess:known {"a":1} for 86400 s`
        }
      ],
      'a store whose destroy rejects after regenerateId': [
        {
          ksm: `
            destroy(koa:sess:known)
            set(koa:sess:id1, {"a":1,"b":2}, 86400000)
            the process ends with code 1: Error: refused`,
          ours: `
            set(koa:sess:id1, {"a":1,"b":2}, 86400000)
            destroy(koa:sess:known)
            app error: refused
            200 ok
            koa:sess=id1; path=/; httponly
            visit with koa:sess=known
            get(koa:sess:known)
            200 { a: 1 }
            holds koa:sess:id1 {"a":1,"b":2} for 86400 s
            holds koa:sess:known {"a":1} for 86400 s`
        }
      ]
    }
  },
  {
    name: 'a session that changes after the headers were sent is saved, if the client has its cookie',
    reason: `koa-session-minimal fails on the cookie, and saves nothing: a streamed answer could never write to its session.
      A record whose cookie can no longer reach the client is not made.`,
    scenarios: {
      'a session that changes after the headers were sent': [
        {
          ksm: '200 ERR_HTTP_HEADERS_SENT',
          ours: '200 ok'
        },
        {
          ksm: `
            get(koa:sess:known)
            200 ERR_HTTP_HEADERS_SENT`,
          ours: `
            get(koa:sess:known)
            set(koa:sess:known, {"a":2}, 86400000)
            200 ok`
        },
        {
          ksm: `
            get(koa:sess:known)
            200 ERR_HTTP_HEADERS_SENT
            holds koa:sess:known {"a":1} for 86400 s`,
          ours: `
            get(koa:sess:known)
            destroy(koa:sess:known)
            200 ok`
        }
      ]
    }
  },
  {
    name: 'a store may answer with thunks',
    reason: 'The README of koa-session-minimal promises it; its code calls them without a callback, and falls.',
    scenarios: {
      'a store that answers with thunks': [
        {
          ksm: `
            set(koa:sess:id1, {"a":1}, 86400000)
            the process ends with code 1: TypeError: callback is not a function`,
          ours: `
            set(koa:sess:id1, {"a":1}, 86400000)
            200 ok
            koa:sess=id1; path=/; httponly
            visit with koa:sess=id1
            get(koa:sess:id1)
            200 { a: 1 }
            visit with koa:sess=id1
            get(koa:sess:id1)
            set(koa:sess:id1, {"a":2}, 86400000)
            200 ok
            koa:sess=id1; path=/; httponly
            visit with koa:sess=id1
            get(koa:sess:id1)
            200 'left alone'
            visit with koa:sess=id1
            get(koa:sess:id1)
            set(koa:sess:id2, {"a":2}, 86400000)
            destroy(koa:sess:id1)
            200 ok
            koa:sess=id2; path=/; httponly
            visit with koa:sess=id2
            get(koa:sess:id2)
            200 { a: 2 }
            visit with koa:sess=id2
            get(koa:sess:id2)
            destroy(koa:sess:id2)
            200 ok
            koa:sess=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly
            visit with no cookie
            200 {}`
        }
      ]
    }
  },
  {
    name: 'of two session middlewares each keeps its own session',
    reason: `The inner one puts back the outer's ctx.session on its way out; koa-session-minimal writes the inner session
      under both keys.`,
    scenarios: {
      'two sessions of different keys on one app': [
        {
          over: stored,
          ksm: `
            set(inner:id1, {"inner":1}, 86400000)
            set(outer:id2, {"inner":1}, 86400000)
            200 ok inside { inner: 1 }
            inner=id1; path=/; httponly
            outer=id2; path=/; httponly
            visit with inner=id1; outer=id2
            get(outer:id2)
            get(inner:id1)
            200 { inner: 1 } inside { inner: 1 }
            holds inner:id1 {"inner":1} for 86400 s
            holds outer:id2 {"inner":1} for 86400 s`,
          ours: `
            set(inner:id1, {"inner":1}, 86400000)
            set(outer:id2, {"outer":1}, 86400000)
            200 ok inside { outer: 1 }
            inner=id1; path=/; httponly
            outer=id2; path=/; httponly
            visit with inner=id1; outer=id2
            get(outer:id2)
            get(inner:id1)
            set(outer:id2, {"outer":2}, 86400000)
            200 { inner: 1 } inside { outer: 2 }
            outer=id2; path=/; httponly
            holds inner:id1 {"inner":1} for 86400 s
            holds outer:id2 {"outer":2} for 86400 s`
        },
        {
          over: memory, // one live object under both keys
          ksm: `
            200 ok inside { inner: 1 }
            inner=id1; path=/; httponly
            outer=id2; path=/; httponly
            visit with inner=id1; outer=id2
            200 { inner: 1, outer: 1 } inside { inner: 1, outer: 1 }
            outer=id2; path=/; httponly`,
          ours: `
            200 ok inside { outer: 1 }
            inner=id1; path=/; httponly
            outer=id2; path=/; httponly
            visit with inner=id1; outer=id2
            200 { inner: 1 } inside { outer: 2 }
            outer=id2; path=/; httponly`
        }
      ]
    }
  },
  {
    name: 'options that could never work are refused when the middleware is made',
    reason: 'And what a cookie function returns is checked before any write; koa-session-minimal fails at the first save.',
    scenarios: {
      ...Object.fromEntries(['a maxAge of Infinity', 'a maxAge that is a string'].map((name) => [name, [
        {
          ksm: `
            visit with no cookie
            app error: option maxAge is invalid
            500 Internal Server Error
            visit with no cookie
            200 {}`,
          ours: 'session() throws ERR_SESSION_OPTION'
        }
      ]])),
      ...Object.fromEntries(['a=b', 'a;b', 'ключ', 'a\nb'].map((key) => [`the key ${inspect(key)} that can name no cookie`, [
        {
          ksm: `
            visit with no cookie
            200 {}
            visit with no cookie
            app error: argument name is invalid
            500 Internal Server Error`,
          ours: 'session() throws ERR_SESSION_OPTION'
        }
      ]])),
      'a key that is no string': [
        {
          ksm: `
            visit with no cookie
            set(42:id1, {"a":1}, 86400000)
            200 ok
            42=id1; path=/; httponly
            visit with 42=id1
            app error: name.replace is not a function
            500 Internal Server Error
            holds 42:id1 {"a":1} for 86400 s`,
          ours: 'session() throws ERR_SESSION_OPTION'
        }
      ],
      'a store that is none': [
        {
          ksm: `
            visit with no cookie
            app error: this.store.set is not a function
            500 Internal Server Error`,
          ours: 'session() throws ERR_SESSION_OPTION'
        }
      ],
      'a cookie function that returns a maxAge that could never work': [
        {
          ksm: `
            visit with no cookie
            app error: option maxAge is invalid
            500 Internal Server Error
            visit with koa:sess=known
            get(koa:sess:known)
            app error: option maxAge is invalid
            500 Internal Server Error
            visit with koa:sess=known
            get(koa:sess:known)
            destroy(koa:sess:known)
            app error: option maxAge is invalid
            500 Internal Server Error`,
          ours: `
            visit with no cookie
            app error: ERR_SESSION_OPTION
            500 Internal Server Error
            visit with koa:sess=known
            get(koa:sess:known)
            app error: ERR_SESSION_OPTION
            500 Internal Server Error
            visit with koa:sess=known
            get(koa:sess:known)
            app error: ERR_SESSION_OPTION
            500 Internal Server Error
            holds koa:sess:known {"a":1} for 86400 s`
        }
      ]
    }
  }
]

const unseen = {
  'its own memory store': /^(get|set|destroy)\(|^holds /,
  'its own Redis store': /^(get|set|destroy)\(/
}

const linesOf = (text, over) => text.split('\n').map((line) => line.trim()).filter((line) => line && !unseen[over]?.test(line))

/** Our lines, as they follow from those of koa-session-minimal and from the departures of this scenario. */
function depart (name, over, ksm) {
  let lines = ksm
  for (const { scenarios, rule } of departures) {
    if (rule) {
      if (scenarios.includes(name)) lines = rule(lines)
      continue
    }
    let from = 0
    for (const entry of scenarios[name] || []) {
      if (entry.over && !entry.over.includes(over)) continue
      const theirs = linesOf(entry.ksm, over)
      const ours = linesOf(entry.ours, over)
      while (from <= lines.length && theirs.some((line, i) => line !== lines[from + i])) from++
      if (from > lines.length) throw new Error(`koa-session-minimal does not answer:\n${theirs.join('\n')}\nbut:\n${lines.join('\n')}`)
      lines = [...lines.slice(0, from), ...ours, ...lines.slice(from + theirs.length)]
      from += ours.length
    }
  }
  return lines
}

/** The names of all scenarios that depart. */
const departing = departures.flatMap(({ scenarios }) => Array.isArray(scenarios) ? scenarios : Object.keys(scenarios))

module.exports = { depart, departing }
