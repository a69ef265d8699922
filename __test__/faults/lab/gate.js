'use strict'

/** A promise that is fulfilled by its own `open()`: what a test orders its requests by. */
function gate () {
  let open
  const promise = new Promise((resolve) => { open = resolve })
  return Object.assign(promise, { open })
}

module.exports = { gate }
