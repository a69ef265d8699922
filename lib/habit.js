'use strict'

const ENOUGH = 8 // requests
const LOOK_EVERY = 16 // requests

// Do an application's requests touch their sessions? Who foresees that need not look, but does so now and then.
class Habit {
  #touched = 0 // in a row
  #foreseen = 0 // in a row

  note (touched) {
    this.#touched = touched ? this.#touched + 1 : 0
  }

  foresees () {
    if (this.#touched < ENOUGH) return false
    this.#foreseen = (this.#foreseen + 1) % LOOK_EVERY
    return this.#foreseen > 0
  }
}

module.exports = { ENOUGH, Habit, LOOK_EVERY }
