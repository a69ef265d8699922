'use strict'

const { spawn } = require('node:child_process')

// However this process ends, its end closes the pipe: a child that it started is ended with `signal`, and its folder removed.
const guard = (child, { signal = 'SIGKILL', dir = '' } = {}) => {
  const watch = spawn('sh', ['-c', 'read _; kill -s "$2" "$0"; [ -z "$1" ] || rm -rf "$1"', child.pid, dir, signal.slice(3)], {
    stdio: ['pipe', 'ignore', 'ignore']
  })
  child.once('exit', () => watch.kill('SIGKILL'))
}

module.exports = { guard }
