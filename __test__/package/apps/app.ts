import Koa = require('koa')
import session = require('koa-session-native')
import { MemoryStore, type SessionOptions } from 'koa-session-native'

const options: SessionOptions = { store: new MemoryStore({ maxBytes: 1 << 20 }) }
const app = new Koa()
app.use(session(options))
app.use(ctx => { ctx.sessionHandler.regenerateId() })
// @ts-expect-error: the package's types are read, and are not `any`
session({ key: 1 })
