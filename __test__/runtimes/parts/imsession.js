'use strict'

const assert = require('node:assert/strict')
const session = require('../../..')
const { serve } = require('../../helpers/serve')
const { storeKinds } = require('../../helpers/stores')

const assignments = {
  '/': (session) => ({ ...session, views: (session?.views ?? 0) + 1 }),
  '/read': (session) => session,
  '/renew': () => true,
  '/logout': () => null
}

const app = (ctx) => {
  if (ctx.path === '/change') ctx.session.views++
  else ctx.session = assignments[ctx.path](ctx.session)
  ctx.body = JSON.stringify(ctx.session)
}

const check = async (scope, store) => {
  const { browser, errors } = await serve(scope, session.imsession({ store }), app)
  const user = browser()
  const see = async (path, cookie) => JSON.parse((await user.get(path, cookie)).body)

  assert.equal(await see('/read'), null)
  assert.deepEqual(await see('/'), { views: 1 })
  assert.deepEqual(await see('/'), { views: 2 })
  const { status } = await user.get('/change')
  assert.deepEqual([status, errors.pop()?.constructor], [500, TypeError], 'what is loaded is frozen')

  const old = user.cookie
  await see('/renew')
  assert.notEqual(user.cookie, old)
  assert.equal(await see('/read', old), null)
  assert.deepEqual(await see('/read'), { views: 2 })

  const gone = user.cookie
  await see('/logout')
  assert.equal(user.cookie, '')
  assert.equal(await see('/read', gone), null)
  assert.deepEqual(errors, [])
}

const imsession = async (scope, { url }) => {
  for (const make of Object.values(storeKinds(() => ({ url })))) await check(scope, make(scope))
}

module.exports = { imsession }
