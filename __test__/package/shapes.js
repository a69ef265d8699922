'use strict'

// The programs of apps/shapes, which are koa-session-minimal's: what a browser sees of each. It sees the same when the
// package is swapped, which is all that `swap` does.

const week = 7 * 24 * 3600 * 1000

const swapped = (text) => text.replace("'koa-session-minimal'", "'koa-session-native'")

const lifetime = (line) => Date.parse(/expires=([^;]+)/.exec(line)?.[1]) - Date.now()

const bodies = async (browser, ...paths) => {
  const seen = []
  for (const path of paths) seen.push((await browser.get(path)).body)
  return seen
}

const shapes = {
  'counter.js': {
    async check (t, browser) {
      t.deepEqual(await bodies(browser, '/add', '/add', '/', '/add'), ['1', '2', '2', '3'])
      t.regex(browser.cookie, /^koa:sess=[\w-]{32}$/)
    }
  },

  'redis.js': {
    // As docs/migrating-from-koa-session-minimal.md says: the store is swapped too.
    swap: (text) => swapped(text).replace("const redisStore = require('koa-redis')\n", '').replace('redisStore(', 'new session.RedisStore('),
    async check (t, browser, redis) {
      t.deepEqual(await bodies(browser, '/', '/', '/'), ['1', '2', '3'])
      const key = browser.cookie.replace('=', ':')
      t.is(await redis.get(key), '{"count":3}')
      const left = await redis.pttl(key)
      t.true(left > 24 * 3600 * 1000 - 60000 && left <= 24 * 3600 * 1000)
    }
  },

  'options.js': {
    async check (t, browser) {
      const { setCookie: [line] } = await browser.get()
      t.regex(line, /^my-app\.sid=[\w-]{32}; path=\/members; expires=[^;]+; domain=example\.org$/)
      t.true(Math.abs(lifetime(line) - 3600 * 1000) < 60000)
      t.is((await browser.get()).body, '2')
    }
  },

  'dynamic-cookie.js': {
    async check (t, browser) {
      const guest = await browser.get()
      t.is(guest.body, 'guest')
      t.notRegex(guest.setCookie[0], /expires=/)
      const login = await browser.get('/login')
      t.true(Math.abs(lifetime(login.setCookie[0]) - week) < 60000)
      t.is((await browser.get()).body, 'ada')
    }
  },

  'rolling-id.js': {
    async check (t, browser) {
      t.deepEqual(await bodies(browser, '/', '/'), ['1', '2'])
      const { cookie } = browser
      t.is((await browser.get()).body, '3')
      t.not(browser.cookie, cookie)
      t.is((await browser.get()).body, '4')
      t.is((await browser.get('/', cookie)).body, '1', 'the old id leads nowhere')
    }
  },

  'deletion.js': {
    async check (t, browser) {
      for (const path of ['/null', '/empty', '/delete']) {
        t.is((await browser.get('/add')).body, '{"count":1}', path)
        const { cookie } = browser
        await browser.get(path)
        t.is(browser.cookie, '', path)
        t.is((await browser.get('/', cookie)).body, '{}', path)
      }
    }
  },

  'third-party-store.js': {
    async check (t, browser, redis) {
      await browser.get('/add')
      await browser.get('/add')
      t.is((await browser.get()).body, '{"count":2}')
      const key = browser.cookie.replace('=', ':')
      t.true(await redis.pttl(key) <= 60000)
      await browser.get('/logout')
      t.is(browser.cookie, '')
      t.is(await redis.exists(key), 0)
    }
  }
}

for (const shape of Object.values(shapes)) shape.swap ??= swapped

module.exports = { shapes }
