'use strict'

const { patience } = require('./lab')

const waits = (seconds) => seconds >= 3 ? ` after ${seconds} s` : ''

/** An answer in a few words, for a cell of the table; nothing where there is none. */
const outcome = (answer) => {
  if (answer === undefined) return undefined
  const { status, sent, hangs, reset, seconds } = answer
  if (hangs) return `hangs > ${patience / 1000} s`
  if (status === undefined) return reset ? 'no answer' : ''
  return `${status}${sent && !sent.startsWith('-') ? ' + cookie' : ''}${waits(seconds)}`
}

/** Several of them in one cell: what is equal is said once. */
const together = (...words) => Array.from(new Set(words.filter(Boolean))).join('; ')

module.exports = { outcome, together }
