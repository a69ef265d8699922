'use strict'

// Asks where no server is.

const { RedisStore } = require('../../..')

new RedisStore({ url: 'redis://127.0.0.1:1' }).get('a').catch(({ code }) => console.log(code))
