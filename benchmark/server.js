'use strict'

// One contestant, served over HTTP; answers with its port.

const { once } = require('node:events')
const { serve } = require('./child')
const { contestants } = require('./contestants')

serve(async ({ name, url }) => {
  const server = (await contestants[name](url)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
})
