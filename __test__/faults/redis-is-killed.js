'use strict'

const { failingStore } = require('./lab/failing-store')

module.exports = failingStore('is killed', 'Redis is killed before $')
