'use strict'

// Comes to its end with a hundred commands pending; `exit`: and does not wait for them.

const { RedisStore } = require('../../..')

const [url, how] = process.argv.slice(2)
const store = new RedisStore({ url })
for (let n = 0; n < 100; n++) store.set(`${how} ${n}`, { n }, 60000)
if (how === 'exit') setImmediate(() => process.exit())
