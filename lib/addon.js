'use strict'

const { SessionPlatformError } = require('./errors')

// The Rust half, by the loader that `napi build` generates.
const load = () => {
  try {
    return require('./native')
  } catch (error) {
    throw new SessionPlatformError(error)
  }
}

module.exports = load()
