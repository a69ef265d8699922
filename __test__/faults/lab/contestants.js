'use strict'

// Session middleware behind one face. A contestant's `mount(lab, store, { keys, maxAge })` makes an app with a session
// for each key and a handler behind each, and answers with its request listener; handlers get an exchange:
//
//   session          the session, to be read, changed and assigned
//   regenerate()     gives it another id, as the contestant's manual says
//   logOut()         ends it, as the contestant's manual says
//   redirect(path)   answers with a redirect
//   respondNow()     sends the whole answer before the handler is done
//
// `cookie(id)` is a Cookie header with that id, signed where the contestant signs; `idOf(value)` is the id in a cookie's
// value, and `storeKey(id)` where its session is kept.

const { createHmac } = require('node:crypto')
const { once } = require('node:events')
const { promisify } = require('node:util')

const Koa = require('koa')

const stores = require('./stores')

const key = 'sid'
const secret = 'a secret'
const early = 'sent early'

const hmac = (text, hash) => createHmac(hash, secret).update(text).digest('base64')
const keygrip = (text) => hmac(text, 'sha1').replace(/[/+=]/g, (character) => ({ '/': '_', '+': '-', '=': '' })[character])

const textOf = (value) => typeof value === 'function' ? 'null' : JSON.stringify(value ?? null)

class KoaExchange {
  constructor (ctx, regenerate) {
    this.ctx = ctx
    this.regenerate = () => regenerate(ctx)
  }

  get session () {
    return this.ctx.session
  }

  set session (value) {
    this.ctx.session = value
  }

  logOut () {
    this.ctx.session = null
  }

  redirect (path) {
    this.ctx.redirect(path)
  }

  async respondNow () {
    this.ctx.respond = false
    this.ctx.status = 200
    this.ctx.res.end(JSON.stringify(early))
    await once(this.ctx.res, 'finish')
  }
}

class ExpressExchange {
  constructor (req, res) {
    this.req = req
    this.res = res
  }

  get session () {
    return this.req.session
  }

  set session (value) {
    this.req.session = value
  }

  regenerate () {
    return promisify(this.req.session.regenerate).call(this.req.session)
  }

  logOut () {
    return promisify(this.req.session.destroy).call(this.req.session)
  }

  redirect (path) {
    this.res.redirect(path)
  }

  async respondNow () {
    this.res.end(JSON.stringify(early))
    await once(this.res, 'finish')
  }
}

const onKoa = ({ middleware, regenerate, events = [] }) => (lab, store, { keys = [key], maxAge }) => {
  const app = new Koa()
  app.keys = [secret]
  app.on('error', (error, ctx) => lab.failed(ctx.req, error))
  for (const event of events) app.on(event, ({ ctx }) => lab.told(ctx.req, event))
  app.use(async (ctx, next) => {
    try {
      await next()
    } finally {
      lab.finished(ctx.req)
    }
  })
  keys.forEach((name, layer) => {
    app.use(middleware({ key: name, store, maxAge, app }))
    app.use(async (ctx, next) => {
      const value = await lab.handle(ctx.req, layer, new KoaExchange(ctx, regenerate))
      if (layer < keys.length - 1) await next()
      else if (ctx.respond !== false && ctx.status !== 302) ctx.body = textOf(value)
      if (typeof value === 'function') value() // on the way out, which Express has not
    })
  })
  return app.callback()
}

const onExpress = () => (lab, store, { keys = [key], maxAge }) => {
  const express = require('express')
  const session = require('express-session')
  const app = express()
  keys.forEach((name, layer) => {
    app.use(session({ name, secret, store, resave: false, saveUninitialized: false, cookie: { maxAge } }))
    app.use(async (req, res, next) => {
      const value = await lab.handle(req, layer, new ExpressExchange(req, res))
      if (layer < keys.length - 1) next()
      else if (!res.headersSent) res.send(textOf(value))
    })
  })
  app.use((error, req, res, next) => { // Express knows it by its four parameters
    lab.failed(req, error)
    if (!res.headersSent) res.status(500).end()
    else if (next) res.end()
  })
  return (req, res) => {
    res.on('close', () => lab.finished(req))
    app(req, res)
  }
}

const sessionHandler = (ctx) => ctx.sessionHandler.regenerateId()
const plainCookie = (id) => `${key}=${id}`
const signedCookie = (id) => `${key}=${id}; ${key}.sig=${keygrip(`${key}=${id}`)}`

const native = {
  cookie: plainCookie,
  idOf: (value) => value,
  storeKey: (id) => `${key}:${id}`,
  mount: onKoa({
    regenerate: sessionHandler,
    middleware: ({ key, store, maxAge }) => require('../../..')({ key, store, cookie: { maxAge }, storeTimeoutMs: 1000 }),
    events: ['session:gone', 'session:invalid', 'session:unsent']
  })
}

const minimal = {
  floats: true, // it answers before it has written
  cookie: plainCookie,
  idOf: (value) => value,
  storeKey: (id) => `${key}:${id}`,
  mount: onKoa({
    regenerate: sessionHandler,
    middleware: ({ key, store, maxAge }) => require('koa-session-minimal')({ key, store, cookie: { maxAge } })
  })
}

const generic = {
  cookie: signedCookie,
  idOf: (value) => value,
  storeKey: (id) => `koa:sess:${id}`,
  mount: onKoa({
    regenerate: (ctx) => ctx.regenerateSession(),
    middleware: ({ key, store, maxAge }) => require('koa-generic-session')({ key, store, cookie: maxAge && { maxAge } })
  })
}

const koaSession = {
  cookie: signedCookie,
  idOf: (value) => value,
  storeKey: (id) => id,
  mount: onKoa({
    regenerate: (ctx) => ctx.session.regenerate(),
    middleware: ({ key, store, maxAge, app }) => require('koa-session').createSession({ key, store, ...maxAge && { maxAge } }, app)
  })
}

const expressSession = {
  cookie: (id) => `${key}=${encodeURIComponent(`s:${id}.${hmac(id, 'sha256').replace(/=+$/, '')}`)}`,
  idOf: (value) => /^s:(.*)\./.exec(decodeURIComponent(value))[1],
  storeKey: (id) => `sess:${id}`,
  mount: onExpress()
}

const ours = {
  'koa-session-native, memory': { ...native, Store: stores.OnNativeMemory },
  'koa-session-native, Redis': { ...native, Store: stores.OnNativeRedis },
  'koa-session-native, JavaScript store': { ...native, Store: stores.OnMap }
}

const peers = {
  'koa-session-minimal, memory': { ...minimal, Store: stores.OnObjects },
  'koa-session-minimal, koa-redis': { ...minimal, Store: stores.OnKoaRedis },
  'koa-generic-session, koa-redis': { ...generic, Store: stores.OnKoaRedis },
  'koa-session, koa-redis': { ...koaSession, Store: stores.OnKoaRedis },
  'express-session, connect-redis': { ...expressSession, Store: stores.OnConnectRedis }
}

module.exports = { contestants: { ...ours, ...peers }, key, ours }
