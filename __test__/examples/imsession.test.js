'use strict'

// The examples of imsession, each started as its first lines say.

const test = require('ava')

const { startRedis } = require('../helpers/redis-server')
const { Browser } = require('../helpers/serve')
const { start } = require('./start')

test('imsession-counter.js counts the views of each visitor', async (t) => {
  const { url } = await start(t, 'imsession-counter.js')
  const [ada, bob] = [new Browser(url), new Browser(url)]
  t.deepEqual((await ada.get('/count')).setCookie, [])
  t.is((await ada.get()).body, 'Views: 1')
  t.is((await ada.get()).body, 'Views: 2')
  t.is((await bob.get()).body, 'Views: 1')
  t.is((await ada.get('/count')).body, 'Views so far: 2')
  t.is((await ada.get('/logout')).body, 'The session is gone')
  t.is(ada.cookie, '')
  t.is((await ada.get('/count')).body, 'Views so far: 0')
})

test('imsession-redis.js renews a session that is used, and logs in and out', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const { url } = await start(t, 'imsession-redis.js', { redis: redis.url })
  const client = redis.client()

  const user = new Browser(url)
  t.regex((await user.get()).body, /^Who are you/)
  t.is((await user.get('/login?user=ada')).status, 302)
  t.is((await user.get()).body, 'Hello ada')
  const first = user.cookie
  t.is((await user.get('/login?user=bob')).status, 302)
  t.not(user.cookie, first, 'a login gives a new id')
  t.regex((await user.get('/', first)).body, /^Who are you/)

  const { cookie } = user
  const id = cookie.split('=')[1]
  t.is((await user.get()).body, 'Hello bob')
  t.is(user.cookie, cookie)
  await client.pexpire(id, 9 * 60 * 1000)
  t.is((await user.get()).body, 'Hello bob')
  t.not(user.cookie, cookie, 'it was renewed')
  t.is(await client.exists(id), 0)
  t.true(await client.pttl(user.cookie.split('=')[1]) > 29 * 60 * 1000)

  await user.get('/logout')
  t.is(user.cookie, '')
  t.regex((await user.get()).body, /^Who are you/)
})

test('bearer-token.js knows its users by their tokens', async (t) => {
  const { url } = await start(t, 'bearer-token.js')
  const request = (path, { method = 'GET', token } = {}) => {
    return fetch(url + path, { method, headers: token ? { authorization: `Bearer ${token}` } : {} })
  }
  t.is((await request('/')).status, 401)
  const login = await request('/login', { method: 'POST' })
  t.is(login.status, 204)
  t.deepEqual(login.headers.getSetCookie(), [])
  const token = login.headers.get('x-session-token')
  t.regex(token, /^[0-9a-f]{32}$/)
  const read = await request('/', { token })
  t.truthy((await read.json()).session.since)
  t.is((await request('/', { token: token.replace(/./g, '0') })).status, 401)
  const logout = await request('/logout', { method: 'POST', token })
  t.deepEqual([logout.status, logout.headers.get('x-session-token')], [204, ''])
  t.is((await request('/', { token })).status, 401)
})
