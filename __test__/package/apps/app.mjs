import assert from 'node:assert/strict'
import Koa from 'koa'
import session, { MemoryStore } from 'koa-session-native'
import * as all from 'koa-session-native'
import imsession, { SessionIdResolver } from 'koa-session-native/imsession'
import * as subpath from 'koa-session-native/imsession'

for (const name of Object.keys(session)) assert.equal(all[name], session[name], `no import { ${name} }`)
for (const name of Object.keys(imsession)) assert.equal(subpath[name], imsession[name], `no import { ${name} } from the subpath`)
assert.equal(MemoryStore, session.MemoryStore)
assert.equal(SessionIdResolver, session.SessionIdResolver)

const app = new Koa()
app.use(session({ store: new MemoryStore() }))
app.use((ctx) => {
  ctx.session.count = (ctx.session.count || 0) + 1
  ctx.body = String(ctx.session.count)
})

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().once('end', () => process.exit()) // it does not outlive the test
