'use strict'

// The faults that a contestant cannot have, each with the reason. These are run nowhere; all others are run everywhere.

const named = (pattern) => ({ fault }) => pattern.test(fault)

const absences = [
  {
    on: /native, memory$/,
    faults: named(/^`(get|destroy)` rejects|^`(get|set|destroy)` (throws|never answers)/),
    why: 'its store is called as a function of this process; only a write can fail, for its size'
  },
  {
    on: /memory$|JavaScript store$/,
    faults: named(/^Redis /),
    why: 'there is no server'
  },
  {
    on: /native, Redis$/,
    faults: named(/throws synchronously/),
    why: 'its store is no JavaScript: a method that throws makes it a JavaScript store'
  },
  {
    on: /minimal, memory$|JavaScript store$/,
    faults: named(/^stored junk: malformed text/),
    why: 'that text is read by the store, whose `get` then rejects'
  }
]

/** Why the contestant cannot have this fault; undefined where it can. */
const absence = (fault, contestant) => absences.find(({ on, faults }) => on.test(contestant) && faults(fault))?.why

module.exports = { absence }
