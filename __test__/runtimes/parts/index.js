'use strict'

const { imsession } = require('./imsession')
const { imports } = require('./imports')
const { ends } = require('./ends')
const { namedStore } = require('./named-store')
const { javaScriptStore, memoryStore, redisStore, unreachable } = require('./stores')
const { threads } = require('./threads')

// Each is called with a scope, and with `{ url, runtimeArgs }`.
const parts = {
  'memory store': memoryStore,
  'Redis store': redisStore,
  'Redis is away': unreachable,
  'JavaScript store': javaScriptStore,
  imsession,
  'ESM import': imports,
  'worker threads': threads,
  'named memory store': namedStore,
  'process exit': ends
}

module.exports = { parts }
