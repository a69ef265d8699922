'use strict'

// The language in which a run is written down: lines of text that are the same on every run.

const { createHash } = require('node:crypto')

const shorten = (text) => text.length < 300
  ? text
  : `${text.slice(0, 20)}... (${text.length} characters, sha1 ${createHash('sha1').update(text).digest('hex')})`

// Two minutes are more than a test may take, so that rounding to them needs no luck.
const roughly = (milliseconds) => Math.round(milliseconds / 120000) * 120

/** A Set-Cookie header with `expires` as its distance from now; a date years away is a scenario's own, and stays. */
const cookieLine = (header) => header.replace(/expires=([^;]*)/, (attribute, date) => {
  const offset = roughly(Date.parse(date) - Date.now())
  return Math.abs(offset) > 366 * 86400 ? attribute : `expires in ${offset} s`
})

/** A store's call with its arguments, objects as their JSON. */
const callLine = (method, args) =>
  `${method}(${args.map((arg) => shorten(typeof arg === 'string' ? arg : JSON.stringify(arg) ?? String(arg))).join(', ')})`

/** A record that is in the store at the end. */
const recordLine = ({ key, text, ttl }) => `holds ${key} ${shorten(text)} for ${roughly(ttl)} s`

/** Writes session ids as id1, id2... in the order of their appearance. */
function mask (lines) {
  const seen = new Map()
  return lines.map((line) => line.replace(/(?<=[=:]|=")[\w-]{32}(?![\w-])/g, (id) => {
    if (!seen.has(id)) seen.set(id, `id${seen.size + 1}`)
    return seen.get(id)
  }))
}

module.exports = { callLine, cookieLine, mask, recordLine, shorten }
