'use strict'

const session = require('../..')
const { serve, gate } = require('./serve')

// An app on the store. `routes` by path; the body shows the session, where the route gives none.
const app = async (t, store, routes, options) => {
  let pause
  const served = await serve(t, session({ store, ...options }), async (ctx) => {
    const name = ctx.path.slice(1)
    if (name === 'slow') await pause?.()
    await routes[name]?.(ctx)
    ctx.body ??= JSON.stringify(ctx.session)
  })
  // A user who has been at the path.
  const start = async (path = '/begin') => {
    const user = served.browser()
    await user.get(path)
    return user
  }
  // Runs `slow` on the user's session, with `between` between its load and its commit.
  const slowly = async (user, between) => {
    const [loaded, go] = [gate(), gate()]
    pause = () => {
      loaded.open()
      return go.passed
    }
    const answer = user.get('/slow', user.cookie)
    await loaded.passed
    await between()
    go.open()
    return answer
  }
  return { ...served, start, slowly }
}

module.exports = { app }
