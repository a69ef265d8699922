'use strict'

const assert = require('node:assert/strict')
const session = require('../../..')
const { serve } = require('../../helpers/serve')
const { storeKinds } = require('../../helpers/stores')

const handlers = {
  '/': (ctx) => { ctx.session.views = (ctx.session.views ?? 0) + 1 },
  '/login': (ctx) => {
    ctx.sessionHandler.regenerateId()
    ctx.session.user = 'ada'
  },
  '/add': (ctx) => { ctx.session[ctx.query.name] = true },
  '/read': () => {},
  '/logout': (ctx) => { ctx.session = null }
}

const app = (ctx) => {
  handlers[ctx.path](ctx)
  ctx.body = JSON.stringify(ctx.session ?? null)
}

const overHttp = (kind) => async (scope, { url }) => {
  const store = storeKinds(() => ({ url }))[kind](scope)
  const { browser, errors } = await serve(scope, session({ store }), app)
  const user = browser()
  const see = async (path, cookie) => JSON.parse((await user.get(path, cookie)).body)

  assert.deepEqual(await see('/'), { views: 1 })
  assert.deepEqual(await see('/'), { views: 2 })
  const old = user.cookie
  assert.deepEqual(await see('/login'), { views: 2, user: 'ada' })
  assert.notEqual(user.cookie, old)
  assert.deepEqual(await see('/read', old), {})
  assert.deepEqual(await see('/read'), { views: 2, user: 'ada' })

  const names = Array.from({ length: 10 }, (_, n) => `added${n}`)
  await Promise.all(names.map((name) => see(`/add?name=${name}`)))
  assert.deepEqual(Object.keys(await see('/read')).sort(), [...names, 'user', 'views'])

  const gone = user.cookie
  await see('/logout')
  assert.equal(user.cookie, '')
  assert.deepEqual(await see('/read', gone), {})
  assert.deepEqual(errors, [])
}

const unreachable = async (scope) => {
  const store = new session.RedisStore({ url: 'redis://127.0.0.1:1' })
  scope.teardown(() => store.close())
  const { browser, errors } = await serve(scope, session({ store }), app)
  const answers = await Promise.all(Array.from({ length: 10 }, () => browser().get('/')))
  assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(503))
  assert.deepEqual(errors.map(({ code }) => code), Array(10).fill('ERR_SESSION_STORE'))
  assert.equal(store.status, 'down')
}

module.exports = { javaScriptStore: overHttp('JavaScript'), memoryStore: overHttp('memory'), redisStore: overHttp('Redis'), unreachable }
