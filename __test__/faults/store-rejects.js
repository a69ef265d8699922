'use strict'

const { failingStore } = require('./lab/failing-store')

module.exports = failingStore('rejects', '$ rejects')
