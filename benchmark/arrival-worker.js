'use strict'

// The first require of some packages, in milliseconds.

const { serve } = require('./child')

serve((packages) => {
  const start = performance.now()
  packages.forEach((name) => require(name))
  return performance.now() - start
})
