'use strict'

const { promisify } = require('node:util')

const MysqlStore = require('koa-mysql-session')
const mysql = require(require.resolve('mysql', { paths: [require.resolve('koa-mysql-session')] }))

const { until } = require('../helpers/until')
const { startMariaDB } = require('./database')
const { suite } = require('./suite')

const TABLE = '_mysql_session_store'
const NEVER = 32503680000000

suite(async () => {
  const database = await startMariaDB()
  if (database === undefined) return undefined
  const options = { host: '127.0.0.1', port: database.port, user: 'root', database: 'sessions', charset: 'utf8mb4' }
  const pool = mysql.createPool(options)
  const query = promisify(pool.query).bind(pool)
  const store = new MysqlStore(options)
  await until('it has made its table, which it tells nobody', () => query(`SELECT 1 FROM ${TABLE}`).then(() => true))
  return {
    store,
    async read (key) {
      const [row] = await query(`SELECT data FROM ${TABLE} WHERE id = ?`, [key])
      return row && JSON.parse(row.data)
    },
    count: async () => (await query(`SELECT count(*) AS n FROM ${TABLE}`))[0].n,
    mark: (key) => query(`UPDATE ${TABLE} SET expires = ? WHERE id = ?`, [NEVER, key]),
    marked: async (key) => (await query(`SELECT 1 FROM ${TABLE} WHERE id = ? AND expires = ?`, [key, NEVER])).length === 1,
    async close () {
      store.getConnection().end()
      pool.end()
      await database.stop()
    }
  }
})
