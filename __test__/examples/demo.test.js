'use strict'

// `npm run demo`, as somebody uses it who has just cloned the repository.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const net = require('node:net')
const path = require('node:path')

const test = require('ava')

const { startRedis } = require('../helpers/redis-server')

const program = path.join(__dirname, '../../examples/demo.js')

/** The demo, on a free port of its own choice, of what is built: other tests run on that too. */
function start (t, args = [], env = { PORT: '0' }) {
  const child = spawn(process.execPath, [program, '--no-build', ...args], { env: { ...process.env, ...env } })
  const closed = once(child, 'close')
  const demo = { output: '', child, closed }
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      demo.output += data
      child.emit('output')
    })
  }
  t.teardown(() => {
    child.kill('SIGKILL')
    return closed
  })
  return demo
}

async function address (demo) {
  for (;;) {
    const found = /The view counter is at (\S+)/.exec(demo.output)
    if (found) return found[1]
    if (await Promise.race([once(demo.child, 'output'), demo.closed]) && demo.child.exitCode !== null) {
      throw new Error(`it has ended:\n${demo.output}`)
    }
  }
}

async function ended (demo) {
  const [status] = await demo.closed
  return status
}

class Browser {
  async visit (url) {
    const response = await fetch(url, { headers: this.cookie ? { cookie: this.cookie } : {} })
    const [sent] = response.headers.getSetCookie()
    if (sent) this.cookie = sent.split(';')[0]
    const heading = /<h1>(.*)<\/h1>/.exec(await response.text())
    return heading ? heading[1] : response.status
  }
}

test('counts the views of each visitor', async (t) => {
  const at = await address(start(t))
  const [ada, bob] = [new Browser(), new Browser()]
  t.is(await ada.visit(at), 'Views: 1')
  t.is(await ada.visit(at), 'Views: 2')
  t.is(await bob.visit(at), 'Views: 1')
  const { cookie } = ada
  t.is(await ada.visit(`${at}/count`), 'Views so far: 2')
  t.is(ada.cookie, cookie)
  t.is(await ada.visit(`${at}/logout`), 'The session is gone')
  t.is(await ada.visit(`${at}/count`), 'Views so far: 0')
  t.is(await ada.visit(`${at}/favicon.ico`), 404)
})

test('on Redis the count outlives the app', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const browser = new Browser()

  const before = start(t, ['--redis', redis.url])
  t.is(await browser.visit(await address(before)), 'Views: 1')
  before.child.kill('SIGINT')
  t.is(await ended(before), 0)

  const after = start(t, ['--redis', redis.url])
  t.is(await browser.visit(await address(after)), 'Views: 2')
})

test('a Redis that does not answer is told, and answered with 503', async (t) => {
  const redis = await startRedis()
  await redis.stop()
  const demo = start(t, ['--redis', redis.url])
  const at = await address(demo)
  t.regex(demo.output, /Redis does not answer \(.+\)/)
  t.is(await new Browser().visit(at), 503)
})

test('takes another port when its own is taken, and says so', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address()
  const demo = start(t, [], { PORT: String(port) })
  t.not(new URL(await address(demo)).port, String(port))
  t.true(demo.output.includes(`Port ${port} is taken`))
})

test('ends at Ctrl-C, with status 0', async (t) => {
  const demo = start(t)
  await address(demo)
  demo.child.kill('SIGINT')
  t.is(await ended(demo), 0)
})

for (const [what, args, env] of [
  ['an unknown argument', ['--reddis', 'redis://127.0.0.1'], {}],
  ['an argument without its value', ['--redis'], {}],
  ['a URL that is none', ['--redis', 'localhost'], {}],
  ['a port that is none', [], { PORT: 'http' }]
]) {
  test(`${what} ends it with the usage`, async (t) => {
    const demo = start(t, args, env)
    t.is(await ended(demo), 1)
    t.regex(demo.output, /Usage: npm run demo/)
    t.notRegex(demo.output, /\n {4}at /, 'a stack is no message')
  })
}
