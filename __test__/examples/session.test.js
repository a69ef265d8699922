'use strict'

// The examples of session, each started as its first lines say; demo.test.js has the view counter.

const test = require('ava')

const { startRedis } = require('../helpers/redis-server')
const { Browser } = require('../helpers/serve')
const { start } = require('./start')

test('redis.js counts visits that outlive the app, and does without Redis what it can', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const before = await start(t, 'redis.js', { redis: redis.url })
  const first = new Browser(before.url)
  t.is((await first.get()).body, 'Visits: 1')
  t.is((await first.get('/about')).body, 'You have been here before')
  t.is((await first.get('/health')).body, 'ready')
  before.child.kill('SIGTERM')
  t.deepEqual(await before.closed, [0, null])

  const after = await start(t, 'redis.js', { redis: redis.url })
  const again = new Browser(after.url)
  t.is((await again.get('/', first.cookie)).body, 'Visits: 2')
  await redis.kill()
  t.is((await again.get()).status, 503)
  const about = await again.get('/about')
  t.deepEqual([about.status, about.body], [200, 'I do not know you'])
  t.is((await again.get('/health', '')).status, 503)
})

test('dynamic-cookie.js remembers for a month who asks for it', async (t) => {
  const { url } = await start(t, 'dynamic-cookie.js')
  const [ada, bob] = [new Browser(url), new Browser(url)]
  t.regex((await ada.get()).body, /^Who are you/)
  const remembered = await ada.get('/login?user=ada&remember=yes')
  t.regex(remembered.setCookie[0], /; expires=/)
  const expires = Date.parse(/expires=([^;]+)/.exec(remembered.setCookie[0])[1])
  t.true(Math.abs(expires - Date.now() - 30 * 24 * 3600 * 1000) < 60000)
  t.is((await ada.get()).body, 'Hello ada, for a month')
  const passing = await bob.get('/login?user=bob')
  t.notRegex(passing.setCookie[0], /expires=/)
  t.is((await bob.get()).body, 'Hello bob, until you close the browser')
  await bob.get('/logout')
  t.is(bob.cookie, '')
})

test('login.js keeps the basket and leaves the id of the guest behind', async (t) => {
  const { url } = await start(t, 'login.js')
  const browser = new Browser(url)
  const basket = async (cookie) => JSON.parse((await browser.get('/', cookie)).body)

  t.is((await browser.post('/basket', { item: 'tea' })).status, 302)
  const planted = browser.cookie
  t.deepEqual(await basket(), { user: 'guest', basket: ['tea'] })
  for (const [user, password] of [['ada', 'byron'], ['eve', 'lovelace']]) {
    t.is((await browser.post('/login', { user, password })).status, 401)
  }
  t.is(browser.cookie, planted)

  t.is((await browser.post('/login', { user: 'ada', password: 'lovelace' })).status, 302)
  const own = browser.cookie
  t.not(own, planted)
  t.deepEqual(await basket(own), { user: 'ada', basket: ['tea'] })
  t.deepEqual(await basket(planted), { user: 'guest', basket: [] })

  t.is((await browser.post('/logout')).status, 302)
  t.is(browser.cookie, '')
  t.deepEqual(await basket(own), { user: 'guest', basket: [] })
})

test('parallel-requests.js prints that nothing is lost, and what counting without update loses', async (t) => {
  const { printed } = await start(t, 'parallel-requests.js')
  const [, kept] = await printed(/^(\d+) of 20 items kept by merging\n/m)
  const [, counted, naive] = await printed(/^(\d+) of 20 counted with update\(\), (\d+) without\n/m)
  t.deepEqual([kept, counted], ['20', '20'])
  t.true(Number(naive) < 20)
})

test('typescript/app.mts compiles, and counts the visits of who has logged in', async (t) => {
  const { url } = await start(t, 'typescript/app.mts')
  const ada = new Browser(url)
  t.is((await ada.get()).body, 'Hello guest, visits: 1')
  const guest = ada.cookie
  t.is((await ada.get('/login?user=ada')).status, 302)
  t.not(ada.cookie, guest)
  t.is((await ada.get()).body, 'Hello ada, visits: 1')
  t.is((await ada.get()).body, 'Hello ada, visits: 2')
  await ada.get('/logout')
  t.is(ada.cookie, '')
})
