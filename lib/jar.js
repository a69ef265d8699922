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

// The symbol under which Koa keeps a context's jar; undefined for another's accessor.
const slotOf = (accessor) => Object.getOwnPropertySymbols(shownBy(accessor))[0]

// What Koa's accessor makes of an object of ours.
const shownBy = (accessor) => {
  const shown = { req: {}, res: {}, app: {}, request: {} }
  try {
    if (isText(accessor, KOAS_ACCESSOR)) accessor.call(shown)
  } catch {} // it does more than Koa's
  return shown
}

// Would Koa have to make the jar now, and would that read cookies as the module does?
const hasNone = (ctx) => {
  if (!isBare(ctx)) return false
  const { context } = ctx.app
  let koas = contexts.get(context)
  if (koas === undefined) contexts.set(context, koas = koasOf(ctx))
  const { slot, jars, get } = koas
  return slot !== undefined && ctx[slot] === undefined && jars.get === get
}
const contexts = new WeakMap()

const koasOf = (ctx) => {
  const shown = shownBy(accessorOf(ctx))
  const [slot] = Object.getOwnPropertySymbols(shown)
  const jars = Object.getPrototypeOf(shown[slot] ?? {})
  return { slot: isText(jars.get, JARS_GET) ? slot : undefined, jars, get: jars.get }
}

// The cookies module's method as it comes.
const JARS_GET = /match\(getPattern\(name\)\)/

module.exports = { accessorOf, hasNone, isText, slotOf }
