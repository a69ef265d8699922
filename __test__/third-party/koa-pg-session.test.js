'use strict'

const PgSession = require('koa-pg-session')

const { openPostgres } = require('./postgres')
const { suite } = require('./suite')

suite(() => openPostgres(async (database, query) => {
  // Its own pg is of 2016 and waits for ever on the Node of today; it takes a function that queries by another one.
  const store = new PgSession((sql, values = []) => query(sql, ...values))
  await store.setup()
  return { store }
}, { table: 'session', data: 'session', expires: 'expiry', never: "timestamp '3000-01-01'" }))
