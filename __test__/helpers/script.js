'use strict'

const { spawn } = require('node:child_process')
const { once } = require('node:events')

const main = require.resolve('../..')

// Runs a program to its natural end, and answers with what it printed; one that lives on is killed, and fails the test.
// The program finds the package as `session`, and the `values` under their names.
const runScript = async (t, program, values = {}, { within = 30000, ends = [0, null], execArgv = [] } = {}) => {
  const known = Object.entries(values).map(([name, value]) => `const ${name} = ${JSON.stringify(value)}`)
  const source = `'use strict'\n${known.join('\n')}\nconst session = require(${JSON.stringify(main)})\n${program}`
  const child = spawn(process.execPath, [...execArgv, '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
  const watchdog = setTimeout(() => child.kill('SIGKILL'), within)
  const [output, [code, signal]] = await Promise.all([child.stdout.toArray(), once(child, 'exit')])
  clearTimeout(watchdog)
  t.deepEqual([code, signal], ends, 'the process ends by itself')
  return Buffer.concat(output).toString()
}

module.exports = { runScript }
