'use strict'

const test = require('ava')
const path = require('node:path')
const { inspect } = require('node:util')
const { RedisStore } = require('../..')
const { servers, startRedis } = require('../helpers/redis-server')
const { startAuthority, startTlsRedis } = require('../helpers/tls')

// Every password here has this in it, and nothing that can be looked at may.
const SECRET = 's3cr3t'
const PASSWORD = `${SECRET} @:/?#%`
const encoded = encodeURIComponent(PASSWORD)

const looked = (value) => inspect(value, { depth: 9, showHidden: true })

// Writes and reads a session; answers with the store.
const works = async (t, options) => {
  const store = new RedisStore(options)
  t.teardown(() => store.close())
  const key = `alice:${t.title}`
  await store.set(key, { title: t.title }, 60000)
  t.deepEqual(await store.get(key), { title: t.title })
  await store.ping()
  t.is(store.status, 'ready')
  t.false(looked(store).includes(SECRET))
  return store
}

// Fails, tells why, and shows no password.
const fails = async (t, options, message) => {
  const store = new RedisStore({ commandTimeoutMs: 5000, connectTimeoutMs: 5000, ...options })
  t.teardown(() => store.close())
  const events = []
  for (const name of ['connect', 'disconnect', 'error', 'reconnecting']) store.on(name, (...args) => events.push([name, ...args]))
  const error = await t.throwsAsync(store.get('alice:a'), { code: 'ERR_SESSION_STORE', ...message && { message } })
  t.is(error.status, 503)
  await t.throwsAsync(store.ping(), { code: 'ERR_SESSION_STORE' })
  t.false(looked([error, store, events]).includes(SECRET))
  t.false(events.some(([name]) => name === 'connect'))
}

for (const { name, program } of servers) {
  let redis
  let socket

  test.before(async () => {
    redis = await startRedis({ program, args: ['--requirepass', PASSWORD, '--unixsocket', 'redis.sock'] })
    socket = path.join(redis.dir, 'redis.sock')
    await redis.client({ password: PASSWORD }).acl('SETUSER', 'alice', 'on', `>alice ${PASSWORD}`, '~alice:*', '+@all')
  })
  test.after.always(() => redis?.stop())

  const addresses = {
    'a url with a password': () => ({ url: `redis://:${encoded}@127.0.0.1:${redis.port}` }),
    'a url with the default user': () => ({ url: `redis://default:${encoded}@127.0.0.1:${redis.port}` }),
    'a url with a name': () => ({ url: `redis://:${encoded}@localhost:${redis.port}` }),
    'a url that a password completes': () => ({ url: redis.url, password: PASSWORD }),
    'host, port and password': () => ({ host: '127.0.0.1', port: redis.port, password: PASSWORD }),
    'port and password': () => ({ port: redis.port, password: PASSWORD }),
    'a unix:// url': () => ({ url: `unix://${socket}?pass=${encoded}` }),
    'a redis+unix:// url': () => ({ url: `redis+unix://${socket}?pass=${encoded}` }),
    'socket and password': () => ({ socket, password: PASSWORD })
  }
  for (const [title, options] of Object.entries(addresses)) {
    test(`${name}: ${title}`, async (t) => {
      await works(t, options())
      t.is(await redis.client({ password: PASSWORD }).get(`alice:${t.title}`), JSON.stringify({ title: t.title }))
    })
  }

  const databases = {
    'a url with a database': () => ({ url: `redis://:${encoded}@127.0.0.1:${redis.port}/3` }),
    'a url that password and db complete': () => ({ url: redis.url, password: PASSWORD, db: 3 }),
    'host, port, password and db': () => ({ host: '127.0.0.1', port: redis.port, password: PASSWORD, db: 3 }),
    'a unix:// url with a database': () => ({ url: `unix://${socket}?pass=${encoded}&db=3` }),
    'socket, password and db': () => ({ socket, password: PASSWORD, db: 3 })
  }
  for (const [title, options] of Object.entries(databases)) {
    test(`${name}: ${title}`, async (t) => {
      await works(t, options())
      t.is(await redis.client({ password: PASSWORD, db: 3 }).get(`alice:${t.title}`), JSON.stringify({ title: t.title }))
      t.is(await redis.client({ password: PASSWORD, db: 0 }).get(`alice:${t.title}`), null)
    })
  }

  const users = {
    'a url with an ACL user': () => ({ url: `redis://alice:alice%20${encoded}@127.0.0.1:${redis.port}` }),
    'host, port, username and password': () => ({ host: '127.0.0.1', port: redis.port, username: 'alice', password: `alice ${PASSWORD}` }),
    'a unix:// url with an ACL user': () => ({ url: `unix://${socket}?user=alice&pass=alice%20${encoded}` }),
    'socket, username and password': () => ({ socket, username: 'alice', password: `alice ${PASSWORD}` })
  }
  for (const [title, options] of Object.entries(users)) {
    test(`${name}: ${title}`, async (t) => {
      const store = await works(t, options())
      await t.throwsAsync(store.get('bob'), { code: 'ERR_SESSION_STORE', message: /NOPERM/ }, 'it is alice, who may touch her own keys only')
      t.is(store.status, 'ready')
    })
  }

  test(`${name}: the prefix is set before every key`, async (t) => {
    const store = await works(t, { url: `redis://:${encoded}@127.0.0.1:${redis.port}`, prefix: 'p:{é}:' })
    const client = redis.client({ password: PASSWORD })
    t.is(await client.exists(`p:{é}:alice:${t.title}`), 1)
    await store.destroy(`alice:${t.title}`)
    t.is(await client.exists(`p:{é}:alice:${t.title}`), 0)
  })

  const refusals = {
    'a password that is wrong': () => [{ url: `redis://:${SECRET}@127.0.0.1:${redis.port}` }, /WRONGPASS|password|authentication/i],
    'a password that is missing': () => [{ url: redis.url }, /NOAUTH|password|authentication/i],
    'a user that is not known': () => [{ port: redis.port, username: 'bob', password: PASSWORD }, /WRONGPASS|password|authentication/i],
    'a database that is not there': () => [{ port: redis.port, password: PASSWORD, db: 99 }, /DB index/i],
    'a socket that is not there': () => [{ socket: `${socket}.not`, password: PASSWORD }],
    'a port where nobody listens': () => [{ url: `redis://:${encoded}@127.0.0.1:1` }, /refused/i],
    'a host that does not exist': () => [{ host: 'no-such-host.invalid', port: redis.port, password: PASSWORD }]
  }
  for (const [title, about] of Object.entries(refusals)) {
    test(`${name}: ${title} is an error`, (t) => fails(t, ...about()))
  }

  test(`${name}: which server ran`, (t) => {
    t.log(redis.about())
    t.pass()
  })
}

// Debian's redis-server is built with TLS, the Valkey of PyPI is not.
let authority
let plain // shows a certificate for 127.0.0.1 and localhost
let mutual // shows one for redis.test, and asks for the client's
let stranger
test.before(async () => {
  [authority, stranger] = await Promise.all([startAuthority(), startAuthority()])
  const [local, named, client, foreign] = await Promise.all([
    authority.issue('local', { san: 'IP:127.0.0.1,DNS:localhost' }),
    authority.issue('named', { san: 'DNS:redis.test' }),
    authority.issue('client', { usage: 'client' }),
    stranger.issue('client', { usage: 'client', traditionalKey: true })
  ])
  const old = await authority.issue('old', { usage: 'client', traditionalKey: true })
  Object.assign(authority, { client, old, foreign })
  ;[plain, mutual] = await Promise.all([
    startTlsRedis(authority, local, { args: ['--requirepass', PASSWORD] }),
    startTlsRedis(authority, named, { clients: true })
  ])
})
test.after.always(async () => {
  await Promise.all([plain?.stop(), mutual?.stop()])
  authority?.remove()
  stranger?.remove()
})

const secured = {
  'rediss:// with the CA as text': () => ({ url: `rediss://:${encoded}@127.0.0.1:${plain.tlsPort}`, tls: { ca: authority.ca.text } }),
  'rediss:// with the CA as a path': () => ({ url: `rediss://:${encoded}@127.0.0.1:${plain.tlsPort}`, tls: { ca: authority.ca.path } }),
  'rediss:// by name': () => ({ url: `rediss://:${encoded}@localhost:${plain.tlsPort}`, tls: { ca: authority.ca.text } }),
  'a CA among others': () => ({ url: `rediss://:${encoded}@127.0.0.1:${plain.tlsPort}`, tls: { ca: stranger.ca.text + authority.ca.text } }),
  'redis:// with tls': () => ({ url: `redis://:${encoded}@127.0.0.1:${plain.tlsPort}`, tls: { ca: authority.ca.text } }),
  'host, port and tls': () => ({ host: 'localhost', port: plain.tlsPort, password: PASSWORD, tls: { ca: authority.ca.text } }),
  'rejectUnauthorized: false without a CA': () => ({ url: `rediss://:${encoded}@127.0.0.1:${plain.tlsPort}`, tls: { rejectUnauthorized: false } }),
  'rejectUnauthorized: false with the wrong CA': () => ({ url: `rediss://:${encoded}@127.0.0.1:${plain.tlsPort}`, tls: { ca: stranger.ca.text, rejectUnauthorized: false } }),
  'a client certificate as text, and a servername': () => ({ url: `rediss://127.0.0.1:${mutual.tlsPort}`, tls: { ca: authority.ca.text, cert: authority.client.cert.text, key: authority.client.key.text, servername: 'redis.test' } }),
  'a client certificate as a path, and a servername': () => ({ url: `rediss://127.0.0.1:${mutual.tlsPort}`, tls: { ca: authority.ca.path, cert: authority.client.cert.path, key: authority.client.key.path, servername: 'redis.test' } }),
  'a client certificate with a traditional key': () => ({ url: `rediss://127.0.0.1:${mutual.tlsPort}`, tls: { ca: authority.ca.text, cert: authority.old.cert.text, key: authority.old.key.text, servername: 'redis.test' } }),
  'a client certificate without checking the server\'s': () => ({ url: `rediss://127.0.0.1:${mutual.tlsPort}`, tls: { cert: authority.client.cert.text, key: authority.client.key.text, rejectUnauthorized: false } })
}
for (const [title, options] of Object.entries(secured)) {
  test(`tls: ${title}`, (t) => works(t, options()))
}

const insecure = {
  'a CA that did not sign the server\'s certificate': () => ({ url: `rediss://:${encoded}@127.0.0.1:${plain.tlsPort}`, tls: { ca: stranger.ca.text } }),
  'a private CA that is not given': () => ({ url: `rediss://:${encoded}@127.0.0.1:${plain.tlsPort}` }),
  'a certificate for another name': () => ({ url: `rediss://127.0.0.1:${mutual.tlsPort}`, tls: { ca: authority.ca.text, cert: authority.client.cert.text, key: authority.client.key.text } }),
  'a servername that is not in the certificate': () => ({ url: `rediss://:${encoded}@127.0.0.1:${plain.tlsPort}`, tls: { ca: authority.ca.text, servername: 'redis.test' } }),
  'no client certificate where one is asked for': () => ({ url: `rediss://127.0.0.1:${mutual.tlsPort}`, tls: { ca: authority.ca.text, servername: 'redis.test' } }),
  'a client certificate of another CA': () => ({ url: `rediss://127.0.0.1:${mutual.tlsPort}`, tls: { ca: authority.ca.text, cert: authority.foreign.cert.text, key: authority.foreign.key.text, servername: 'redis.test' } }),
  'rediss:// to a server that speaks plain text': () => ({ url: `rediss://:${encoded}@127.0.0.1:${plain.port}`, tls: { ca: authority.ca.text } }),
  'redis:// to a server that speaks TLS': () => ({ url: `redis://:${encoded}@127.0.0.1:${plain.tlsPort}` })
}
for (const [title, options] of Object.entries(insecure)) {
  test(`tls: ${title} is an error`, (t) => fails(t, options()))
}

const url = `redis://:${SECRET}@127.0.0.1:6379`
const PEM = (kind) => `-----BEGIN ${kind}-----\n${SECRET}\n-----END ${kind}-----\n`
const bad = {
  url: [7, {}, '', `http://:${SECRET}@host`, `redis://:${SECRET}@host:port`, `redis://:${SECRET}@host:70000`, `redis://:${SECRET}@host/db`, `127.0.0.1:6379`],
  host: [7, {}, ''],
  port: [0, -1, 65536, 1.5, NaN, 'six', {}],
  username: [7, {}],
  password: [7, {}],
  db: [-1, 1.5, NaN, 'one', {}],
  socket: [7, {}, ''],
  cluster: [7, url, {}, [], [7], [''], [`http://:${SECRET}@host`], [url, null]],
  sentinel: [7, url, [], {}, { master: 'm' }, { nodes: [url] }, { master: '', nodes: [url] }, { master: 7, nodes: [url] }, { master: 'm', nodes: [] }, { master: 'm', nodes: url }, { master: 'm', nodes: [`http://:${SECRET}@host`] }, { master: 'm', nodes: [url], username: 7 }, { master: 'm', nodes: [url], password: 7 }],
  tls: [7, 'ca', { ca: 7 }, { ca: '' }, { ca: '/no/such/file.pem' }, { ca: PEM('CERTIFICATE') }, { cert: PEM('CERTIFICATE') }, { key: PEM('PRIVATE KEY') }, { cert: '/no/such.crt', key: '/no/such.key' }, { cert: PEM('CERTIFICATE'), key: PEM('PRIVATE KEY') }, { servername: 7 }, { servername: '' }, { rejectUnauthorized: 'no' }],
  prefix: [7, {}],
  connectTimeoutMs: [0, -1, '1000', NaN, Infinity],
  commandTimeoutMs: [0, -1, '1000', NaN, Infinity],
  maxPending: [0, -1, '1000', NaN, Infinity]
}
for (const [option, values] of Object.entries(bad)) {
  for (const value of values) {
    test(`the ${option} ${inspect(value, { breakLength: Infinity }).replaceAll(SECRET, '...')} throws at once, and names it`, (t) => {
      const beside = option === 'tls' ? { url: 'rediss://127.0.0.1' } : {}
      const error = t.throws(() => new RedisStore({ ...beside, [option]: value }), { instanceOf: TypeError, code: 'ERR_SESSION_OPTION' })
      t.regex(error.message, new RegExp(`\\b${option}\\b`))
      t.false(looked(error).includes(SECRET))
    })
  }
}

const contradictions = [
  [{ url, cluster: [url] }, /url|cluster/],
  [{ url, sentinel: { master: 'm', nodes: [url] } }, /url|sentinel/],
  [{ cluster: [url], sentinel: { master: 'm', nodes: [url] } }, /cluster|sentinel/],
  [{ url, host: '127.0.0.1' }, /url|host/],
  [{ url, socket: '/tmp/redis.sock' }, /url|socket/],
  [{ cluster: [url], db: 1 }, /db|cluster/]
]
for (const [options, message] of contradictions) {
  test(`${Object.keys(options).join(' and ')} at once throw`, (t) => {
    const error = t.throws(() => new RedisStore(options), { instanceOf: TypeError, code: 'ERR_SESSION_OPTION', message })
    t.false(looked(error).includes(SECRET))
  })
}

for (const options of [url, 7, () => {}]) {
  test(`options that are ${inspect(options).replaceAll(SECRET, '...')} throw at once`, (t) => {
    const error = t.throws(() => new RedisStore(options), { instanceOf: TypeError, code: 'ERR_SESSION_OPTION', message: /^option options/ })
    t.false(looked(error).includes(SECRET))
  })
}

test('undefined options are as if not given', async (t) => {
  const [names, nothing] = [['url', 'host', 'port', 'username', 'password', 'db', 'socket', 'cluster', 'sentinel', 'tls', 'prefix', 'connectTimeoutMs', 'commandTimeoutMs', 'maxPending'], {}]
  for (const name of names) nothing[name] = undefined
  t.is(new RedisStore(nothing).status, 'idle')
  t.is(new RedisStore(null).status, 'idle')
  t.is(new RedisStore().status, 'idle')
})

test('an option that is not known warns, once, with the nearest name', async (t) => {
  const warnings = []
  const listen = ({ message }) => warnings.push(message)
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  for (let n = 0; n < 2; n++) new RedisStore({ sentinal: { master: 'm' } })
  await new Promise(setImmediate)
  t.deepEqual(warnings.filter((message) => message.includes('"sentinal"')).map((message) => message.includes('"sentinel"')), [true])
})
