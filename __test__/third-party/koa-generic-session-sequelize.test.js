'use strict'

const { once } = require('node:events')

const SequelizeStore = require('koa-generic-session-sequelize')
const { Sequelize } = require('sequelize')

const { openPostgres } = require('./postgres')
const { suite } = require('./suite')

suite(() => openPostgres(async ({ url }) => {
  const sequelize = new Sequelize(url, { logging: false })
  const store = new SequelizeStore(sequelize)
  await once(store, 'connect')
  return { store, close: () => sequelize.close() }
}, { table: '"Sessions"', data: 'data', expires: 'expires', never: '32503680000' }))
