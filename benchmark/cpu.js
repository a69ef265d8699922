'use strict'

const fs = require('node:fs')

// Of a process's main thread, in nanoseconds: how long it ran, and how long it was ready to run and had to wait for a
// processor. Only Linux tells.
function mainThread (pid = process.pid) {
  try {
    const [ran, waited] = fs.readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ').map(Number)
    return { ran, waited }
  } catch {
    return { ran: NaN, waited: NaN }
  }
}

/**
 * Milliseconds, as performance.now() has them, less those in which another process had the processor that the main thread
 * was ready for: the machine's other work is none of the contestant's, but what it waits for by itself is.
 */
const clock = () => performance.now() - (mainThread().waited || 0) / 1e6

module.exports = { clock, mainThread }
