'use strict'

const fs = require('node:fs')

const test = require('ava')

const { faults, files } = require('./lab/list')

test('every fault is run', (t) => {
  const found = fs.readdirSync(__dirname).filter((name) => name.endsWith('.js') && !name.endsWith('.test.js') && name !== 'table.js')
  t.deepEqual(files.map((file) => `${file}.js`).sort(), found.sort())
})

test('no two faults have one name', (t) => {
  t.is(new Set(faults.map(({ fault }) => fault)).size, faults.length)
})
