'use strict'

const session = require('./lib/session')
const { MemoryStore, RedisStore } = require('./lib/stores')

module.exports = session
// One by one: names given by Object.assign are invisible to `import { ... }`.
module.exports.session = session
module.exports.MemoryStore = MemoryStore
module.exports.RedisStore = RedisStore
