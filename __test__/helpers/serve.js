'use strict'

const { once } = require('node:events')
const http = require('node:http')
const Koa = require('koa')

// A Koa app on a real server until the test ends. `errors` and `events` collect what the app was told.
const serve = (t, ...middleware) => serveApp(t, new Koa(), ...middleware)

const serveApp = async (t, app, ...middleware) => {
  const [errors, events] = [[], []]
  app.on('error', (error) => errors.push(error))
  for (const name of ['session:gone', 'session:invalid', 'session:unsent']) app.on(name, () => events.push(name))
  middleware.forEach((each) => app.use(each))
  const server = http.createServer((req, res) => app.callback()(req, res)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${server.address().port}`
  return { app, url, errors, events, browser: () => new Browser(url) }
}

// Keeps the cookies of one user.
class Browser {
  cookies = new Map()

  constructor (url) {
    this.url = url
  }

  get cookie () {
    return [...this.cookies].map((pair) => pair.join('=')).join('; ')
  }

  post (path, form = {}) {
    return this.get(path, this.cookie, { method: 'POST', body: new URLSearchParams(form) })
  }

  async get (path = '/', cookie = this.cookie, init = {}) {
    const response = await fetch(this.url + path, { headers: cookie ? { cookie } : {}, redirect: 'manual', ...init })
    const setCookie = response.headers.getSetCookie()
    for (const line of setCookie) {
      const [, name, value] = /^([^=]*)=([^;]*)/.exec(line)
      if (value) this.cookies.set(name, value)
      else this.cookies.delete(name)
    }
    const body = await response.text()
    return { status: response.status, headers: response.headers, setCookie, body }
  }
}

// Something that a test lets happen: `open()` resolves every `passed`.
const gate = () => {
  let open
  const passed = new Promise((resolve) => { open = resolve })
  return { open, passed }
}

module.exports = { serve, serveApp, Browser, gate }
