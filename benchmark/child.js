'use strict'

// Contestants run in processes of their own. `start` is the parent's half: `ask(message)` resolves with the child's
// answer. `serve` is the child's: it answers each message, and ends with its parent.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')

function start (file, { execArgv = [] } = {}) {
  const child = fork(path.join(__dirname, file), {
    execArgv: ['--no-warnings', ...execArgv], env: { ...process.env, NODE_ENV: 'production' }
  })
  return {
    pid: child.pid,
    async ask (message) {
      const waiting = new AbortController()
      const ended = once(child, 'exit', waiting).then(([code, signal]) => { throw new Error(`${file} ended with ${code ?? signal}`) })
      child.send(message)
      try {
        const [{ answer, error }] = await Promise.race([once(child, 'message', waiting), ended])
        if (error !== undefined) throw new Error(`${file}: ${error}`)
        return answer
      } finally {
        waiting.abort()
        ended.catch(() => {})
      }
    },
    async stop () {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    }
  }
}

/** Asks a new child one thing. */
async function askOnce (file, message, options) {
  const child = start(file, options)
  try {
    return await child.ask(message)
  } finally {
    await child.stop()
  }
}

function serve (answerTo) {
  process.on('message', async (message) => {
    try {
      process.send({ answer: await answerTo(message) })
    } catch (error) {
      process.send({ error: error.stack })
    }
  })
  process.on('disconnect', () => process.exit())
}

module.exports = { askOnce, serve, start }
