'use strict'

// What index.d.ts and imsession.d.ts declare is what there is when a program runs, name by name: a TypeScript file that is
// made of the names at run time, and is compiled against the declared ones.

const { execFile } = require('node:child_process')
const { EventEmitter } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')

const Koa = require('koa')
const test = require('ava')

const session = require('../..')
const imsession = require('../../lib/imsession')
const errors = require('../../lib/errors')
const { serve } = require('../helpers/serve')

const root = path.join(__dirname, '../..')

/** The methods and accessors of a class of ours, the inherited ones that are ours too, and what its instances have. */
function membersOf (Class, ...args) {
  const names = Object.keys(new Class(...args))
  for (let proto = Class.prototype; ![Object.prototype, EventEmitter.prototype].includes(proto); proto = Object.getPrototypeOf(proto)) {
    names.push(...Object.getOwnPropertyNames(proto))
  }
  const inherited = Object.keys(new EventEmitter())
  return [...new Set(names)].filter((name) => name !== 'constructor' && !inherited.includes(name))
}

/** The options that `take` looks for in what it is given. */
function optionsOf (take) {
  const names = new Set()
  const given = new Proxy({}, {
    get (_, name) {
      if (typeof name === 'string') names.add(name)
    }
  })
  try {
    take(given)
  } catch (error) {
    if (error.code !== 'ERR_SESSION_OPTION') throw error // of those that are needed, none is there
  }
  return [...names]
}

const union = (values) => [...new Set(values)].map((value) => JSON.stringify(value)).join(' | ')

/** Of `facts`, a type and the names or values that it stands for, those that the compiler denies. */
async function denied (t, facts) {
  // Within the package, so that the file finds it under its own name.
  const target = path.join(root, 'target')
  fs.mkdirSync(target, { recursive: true })
  const folder = fs.mkdtempSync(path.join(target, 'types-'))
  t.teardown(() => fs.rmSync(folder, { recursive: true }))

  fs.writeFileSync(path.join(folder, 'facts.ts'), [
    ...facts.map(([type, values]) => `expectTypeOf<${type}>().toEqualTypeOf<${union(values)}>()`),
    "import { EventEmitter } from 'node:events'",
    "import session = require('koa-session-native')",
    "import imsession = require('koa-session-native/imsession')",
    "import { expectTypeOf } from 'expect-type'"
  ].join('\n'))
  fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({
    extends: path.join(__dirname, 'plain/tsconfig.json'), include: ['*.ts']
  }))
  const { error, stdout } = await new Promise((resolve) => {
    execFile(path.join(root, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'], (error, stdout) => resolve({ error, stdout }))
  })
  const lines = [...stdout.matchAll(/facts\.ts\((\d+),/g)].map(([, line]) => facts[line - 1])
  if (error && lines.length === 0) throw new Error(stdout, { cause: error })
  return lines
}

test('what is declared is what there is at run time, name by name', async (t) => {
  const { url } = await serve(t, session(), (ctx) => { ctx.body = Object.keys(ctx.sessionHandler) })
  const handler = await (await fetch(url)).json()
  // The other one is thrown by `require`, where nothing has types yet.
  const thrown = Object.values(errors).filter((type) => type !== errors.SessionPlatformError).map((type) => new type())

  t.deepEqual(await denied(t, [
    ['keyof typeof session', Object.keys(session)],
    ['keyof typeof imsession', Object.keys(imsession)],
    ['keyof session.MemoryStore', membersOf(session.MemoryStore)],
    ['Exclude<keyof session.RedisStore, keyof EventEmitter>', membersOf(session.RedisStore)],
    ['keyof session.SessionIdResolver', membersOf(session.SessionIdResolver)],
    ['keyof imsession.MemoryStore', membersOf(imsession.MemoryStore)],
    ['keyof session.SessionHandler', handler],
    ['keyof session.SessionOptions', optionsOf((options) => session(options))],
    ['keyof session.ImSessionOptions', optionsOf((options) => imsession(new Koa(), options))],
    ['keyof session.MemoryStoreOptions', optionsOf((options) => new session.MemoryStore(options))],
    ['keyof session.RedisStoreOptions', optionsOf((options) => new session.RedisStore(options))],
    ['keyof session.RedisSentinelOptions', optionsOf((sentinel) => new session.RedisStore({ sentinel }))],
    ['keyof session.RedisTlsOptions', optionsOf((tls) => new session.RedisStore({ tls }))],
    ["session.SessionError['code']", thrown.map(({ code }) => code)],
    ["session.SessionError['status']", thrown.map(({ status }) => status)]
  ]), [])
})

test('every option is documented, with its default where it has one', (t) => {
  const text = fs.readFileSync(path.join(root, 'index.d.ts'), 'utf8')
  const undocumented = []
  for (const [, name, body] of text.matchAll(/interface (\w*Options)\b[^{]*\{\n(.*?)\n {2}\}/gs)) {
    for (const [, comment = '', member, optional] of body.matchAll(/(?: {4}\/\*\*((?:(?!\*\/).)*)\*\/\n)? {4}(\w+)(\??):/gs)) {
      const told = comment.trim() !== '' && (!optional || /\bDefault\b|Accepted and ignored|@deprecated/.test(comment))
      if (!told) undocumented.push(`${name}.${member}`)
    }
  }
  t.deepEqual(undocumented, [])
})
