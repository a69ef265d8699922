'use strict'

// A small session that the last request has changed stands in the context as a plain property, not behind an accessor. No
// handler must be able to tell by what becomes of it: what is tested of all sessions holds where each is such a one.

const test = require('ava')
const session = require('..')
const { Snapshots } = require('../lib/snapshots')
const { serve } = require('./helpers/serve')

const { atHand } = Snapshots.prototype
Snapshots.prototype.atHand = function (key, text) {
  this.take(key, text)
  this.take(key, text)
  const known = this.get(key, text)?.known
  if (known?.value) known.fresh = true
  return atHand.call(this, key, text)
}

test('a small session stands in the context as a plain property, and a large one behind an accessor', async (t) => {
  const { browser } = await serve(t, session(), (ctx) => {
    const isPlain = Object.hasOwn(Object.getOwnPropertyDescriptor(ctx, 'session'), 'value')
    ctx.session.text = 'x'.repeat(ctx.path.length)
    ctx.body = String(isPlain)
  })
  const user = browser()
  const bodies = []
  for (const path of ['/', '/', `/${'x'.repeat(300)}`, '/']) bodies.push((await user.get(path)).body)
  t.deepEqual(bodies, ['false', 'true', 'true', 'false'])
})

require('./commits.test')
require('./in-its-place.test')
require('./session-handler.test')
require('./store-failures.test')
require('./model/http.test')
require('./parity/parity.test')
