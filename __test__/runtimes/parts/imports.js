'use strict'

const assert = require('node:assert/strict')
const required = require('../../..')
const requiredImsession = require('../../../lib/imsession')

// Through the package's own name and `exports`, as a user imports it.
const imports = async () => {
  const { byDefault, byName, ofSubpath } = await import('../programs/imports.mjs')
  assert.equal(byDefault, required)
  assert.deepEqual(Object.keys(byName), Object.keys(required))
  for (const [name, value] of Object.entries(byName)) assert.equal(value, required[name], name)
  for (const value of Object.values(ofSubpath)) assert.equal(value, requiredImsession)
}

module.exports = { imports }
