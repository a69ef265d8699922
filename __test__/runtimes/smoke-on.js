'use strict'

const { execFile } = require('node:child_process')
const { parts } = require('./parts')

const smoke = require.resolve('./smoke')
const PATIENCE_MS = 60000
const END = 'its own end'

/** What the smoke program is judged by: its parts, and that it ends by itself, with the code that fits. */
const columns = [...Object.keys(parts), END]

/** Runs the smoke program on a runtime; `results` has for each column `'ok'` or what failed. */
async function smokeOn ({ name, args = [], env }, binary, url) {
  const { end, stdout, stderr } = await new Promise((resolve) => {
    execFile(binary, [...args, smoke, url, ...args], {
      env: { ...process.env, NO_COLOR: '1', ...env },
      timeout: PATIENCE_MS,
      killSignal: 'SIGKILL'
    }, (error, stdout, stderr) => resolve({ end: error ? error.signal ?? error.code : 0, stdout, stderr }))
  })
  const [version, ...lines] = stdout.trim().split('\n')
  const said = new Map(lines.map((line) => /^(ok|failed) ([^:]*)(?:: .*)?$/.exec(line)).filter(Boolean)
    .map(([line, word, part]) => [part, word === 'ok' ? word : line.replace(` ${part}`, '')]))
  const expected = Number([...said.values()].some((result) => result !== 'ok'))
  said.set(END, end === expected ? 'ok' : `failed: ${end}`)
  const results = columns.map((column) => said.get(column) ?? `failed: ended before it (${end})`)
  return { version: version || name, results, stderr, ok: results.every((result) => result === 'ok') }
}

module.exports = { columns, smokeOn }
