'use strict'

const test = require('ava')
const { startRedis } = require('./redis-server')

// A server of the test file's own, from before its first test until after its last.
let redis
test.before(async () => { redis = await startRedis() })
test.after.always(() => redis?.stop())

const ownRedis = () => redis

module.exports = { ownRedis }
