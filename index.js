'use strict'

const imsession = require('./lib/imsession')
const session = require('./lib/session')
const { MemoryStore, RedisStore } = require('./lib/stores')

module.exports = session
// One by one: names given by Object.assign are invisible to `import { ... }`.
module.exports.session = session
module.exports.MemoryStore = MemoryStore
module.exports.RedisStore = RedisStore
module.exports.imsession = imsession
module.exports.SessionIdResolver = imsession.SessionIdResolver
module.exports.TTL_MS = imsession.TTL_MS
