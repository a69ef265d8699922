import session, { session as named, MemoryStore, RedisStore, imsession, SessionIdResolver, TTL_MS } from 'koa-session-native'
import imDefault, { imsession as imNamed } from 'koa-session-native/imsession'

export const byDefault = session
export const byName = { session: named, MemoryStore, RedisStore, imsession, SessionIdResolver, TTL_MS }
export const ofSubpath = { imDefault, imNamed }
