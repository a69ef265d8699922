'use strict'

// What `ctx.cookies` leads to: Koa's own jar of cookies, or what the application has put in its place.

const { types: { isProxy } } = require('node:util')

// Koa's accessor as it comes, and nothing around it that does more.
const KOAS_ACCESSOR = /new Cookies\(this\.req, this\.res, \{/
const isText = (method, pattern) => typeof method === 'function' && pattern.test(Function.prototype.toString.call(method))

// Is there nothing of the application's before what Koa's context has?
const isBare = (ctx) => {
  const context = ctx.app?.context
  return context !== undefined && Object.getPrototypeOf(ctx) === context && !isProxy(ctx) &&
    !Object.hasOwn(ctx, 'cookies') && !Object.hasOwn(context, 'cookies')
}

// What `ctx.cookies` calls, if that is Koa's.
const accessorOf = (ctx) => {
  return isBare(ctx) ? Object.getOwnPropertyDescriptor(Object.getPrototypeOf(ctx.app.context), 'cookies')?.get : undefined
}

// The symbol under which Koa keeps a context's jar, shown by an object of ours; undefined for another's accessor.
const slotOf = (accessor) => {
  if (!isText(accessor, KOAS_ACCESSOR)) return undefined
  const shown = { req: {}, res: {}, app: {}, request: {} }
  try {
    accessor.call(shown)
  } catch {
    return undefined
  }
  return Object.getOwnPropertySymbols(shown)[0]
}

// Would Koa have to make the jar now?
const hasNone = (ctx) => {
  if (!isBare(ctx)) return false
  const { context } = ctx.app
  if (context !== last.context) last = { context, slot: slotOf(accessorOf(ctx)) }
  return last.slot !== undefined && ctx[last.slot] === undefined
}
let last = { context: undefined, slot: undefined }

module.exports = { accessorOf, hasNone, isText, slotOf }
