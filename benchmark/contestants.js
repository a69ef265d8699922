'use strict'

// What `http.js` compares: each function gives a server with the routes of `actions`, on the Redis at `url`. Sessions are
// saved when they change, and only then; all else is each package's default.

const { createServer } = require('node:http')
const { SIZES, sessionOf } = require('./session-data')

const BARE = 'bare Koa'
const SECRET = 'a secret of at least thirty-two characters'

// What a request does to what has the session, by its URL.
const actions = {
  '/untouched': () => {},
  '/read': (holder) => { if (holder.session.user.name !== 'ann') throw new Error('the session is lost') },
  '/change': (holder) => { if (!(++holder.session.counter > 0)) throw new Error('the session is lost') },
  ...Object.fromEntries(Object.values(SIZES).map((bytes) => [`/login/${bytes}`, (holder) => { Object.assign(holder.session, sessionOf(bytes)) }]))
}

const act = (url, holder) => {
  actions[url](holder)
  return 'ok'
}

const koa = (middlewareOf) => (url) => {
  const Koa = require('koa')
  const app = new Koa()
  app.keys = [SECRET]
  app.use(middlewareOf(url, app))
  app.use((ctx) => { ctx.body = act(ctx.req.url, ctx) })
  return createServer(app.callback())
}

const bare = () => {
  const Koa = require('koa')
  const app = new Koa()
  app.use((ctx) => { ctx.body = 'ok' })
  return createServer(app.callback())
}

const express = (storeOf) => async (url) => {
  const app = require('express')()
  const session = require('express-session')
  app.use(session({ secret: SECRET, resave: false, saveUninitialized: false, store: await storeOf(url) }))
  app.use((req, res) => { res.send(act(req.url, req)) })
  return createServer(app)
}

const fastify = (storeOf) => async (url) => {
  const app = require('fastify')()
  app.register(require('@fastify/cookie'))
  app.register(require('@fastify/session'), {
    secret: SECRET, saveUninitialized: false, rolling: false, cookie: { secure: false }, store: await storeOf(url)
  })
  app.get('/*', async (request) => act(request.url, request))
  await app.ready()
  return app.server
}

const koaRedis = (url) => require('koa-redis')({ url })

const connectRedis = async (url) => {
  const client = require('redis').createClient({ url })
  await client.connect()
  const { RedisStore } = require('connect-redis')
  return new RedisStore({ client })
}

/** koa-session brings no store; this is the one its manual describes, on ioredis. */
const koaSessionStore = (url) => {
  const Redis = require('ioredis')
  const client = new Redis(url)
  return {
    get: async (key) => JSON.parse(await client.get(key)),
    set: (key, session, maxAge) => client.set(key, JSON.stringify(session), 'PX', maxAge),
    destroy: (key) => client.del(key)
  }
}

const ours = () => require('..')

const contestants = {
  [BARE]: bare,
  'koa-session-native, memory': koa(() => ours()()),
  'koa-session-native, Redis': koa((url) => ours()({ store: new (ours().RedisStore)({ url }) })),
  'koa-session-minimal, memory': koa(() => require('koa-session-minimal')()),
  'koa-session-minimal, koa-redis': koa((url) => require('koa-session-minimal')({ store: koaRedis(url) })),
  'koa-generic-session, koa-redis': koa((url) => require('koa-generic-session')({ store: koaRedis(url) })),
  'koa-session, ioredis': koa((url, app) => require('koa-session').createSession({ store: koaSessionStore(url) }, app)),
  'express-session, memory': express(() => undefined),
  'express-session, connect-redis': express(connectRedis),
  '@fastify/session, connect-redis': fastify(connectRedis)
}

module.exports = { BARE, contestants }
