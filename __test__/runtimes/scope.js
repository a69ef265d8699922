'use strict'

// What a part of the smoke program has of AVA's `t`: the helpers need no more.
class Scope {
  #teardowns = []

  teardown (undo) {
    this.#teardowns.unshift(undo)
  }

  async end () {
    for (const undo of this.#teardowns) await undo()
  }
}

module.exports = { Scope }
