'use strict'

const { Pool } = require('pg')

const { startPostgres } = require('./database')

/** For `suite`: PostgreSQL, and how to look into the table where a store keeps its records. */
async function openPostgres (makeStore, { table, data, expires, never }) {
  const database = await startPostgres()
  if (database === undefined) return undefined
  const pool = new Pool({ connectionString: database.url })
  const query = async (sql, ...values) => (await pool.query(sql, values)).rows
  const { store, close = async () => {} } = await makeStore(database, query)
  return {
    store,
    async read (key) {
      const [row] = await query(`SELECT ${data}::json AS data FROM ${table} WHERE id = $1`, key)
      return row?.data
    },
    count: async () => Number((await query(`SELECT count(*) FROM ${table}`))[0].count),
    mark: (key) => query(`UPDATE ${table} SET ${expires} = ${never} WHERE id = $1`, key),
    marked: async (key) => (await query(`SELECT FROM ${table} WHERE id = $1 AND ${expires} = ${never}`, key)).length === 1,
    async close () {
      await close()
      await pool.end()
      await database.stop()
    }
  }
}

module.exports = { openPostgres }
