'use strict'

const { executionAsyncResource } = require('node:async_hooks')

// What process.nextTick queues is gone a moment later. A full collection that finds none of it, for the third time, lets
// V8 forget its hidden class; and as Node makes it with computed names, each process.nextTick takes four times as long from
// then on (0.06 and 0.2 us), for as long as the process lives. A request over HTTP has nine. One that is kept keeps the
// class.
const keepTick = () => {
  if (kept === undefined) process.nextTick(keep)
}

const keep = () => {
  const resource = executionAsyncResource()
  if (resource.callback === keep) kept = resource // and nothing larger, where process.nextTick is mocked
}

let kept

module.exports = { keepTick }
