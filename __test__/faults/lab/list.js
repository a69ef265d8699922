'use strict'

// The faults, in the order of the table. A file describes those of one kind, each once and for every contestant:
//
//   fault        its name, a row of the table
//   options      what the middleware is made with: { keys, maxAge }, and elsewhere (see lab.js)
//   run(lab)     what happens
//   cell(facts)  what was seen, in a few words
//   guarantee    what is to be seen of ours, whatever the store; or a function of the contestant

const files = [
  'store-rejects',
  'store-throws',
  'store-never-answers',
  'redis-is-killed',
  'store-fails-during-regenerate',
  'slow-store',
  'parallel-keys',
  'logout-against-slow-request',
  'regenerate-against-slow-request',
  'double-submitted-login',
  'unknown-id',
  'odd-ids',
  'thirty-days',
  'handler-throws',
  'values-json-cannot-hold',
  'stored-junk',
  'session-assigned',
  'two-keys',
  'response-already-sent'
]

const faults = files.flatMap((file) => require(`../${file}`))

module.exports = { faults, files }
