'use strict'

const test = require('ava')
const { runScript } = require('./helpers/script')

// V8 tells by `--log-maps` each time that it makes the hidden class of what process.nextTick queues.
const timesMade = async (t, create) => {
  const log = await runScript(t, `
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    const main = async () => {
      ${create}
      for (let collections = 0; collections < 6; collections++) {
        process.nextTick(() => {})
        await turn()
        gc()
        await turn()
      }
    }
    main()
  `, {}, { execArgv: ['--expose-gc', '--log-maps', '--no-log-maps-details', '--logfile=-', '--no-logfile-per-isolate'] })
  return log.split('\n').filter((line) => /^map,Transition,.*"async_id_symbol"/.test(line)).length
}

for (const name of ['session()', 'imsession()']) {
  const create = `session${name === 'session()' ? '' : '.imsession'}()`
  test(`with ${name} process.nextTick is not slowed down for good by full collections`, async (t) => {
    t.is(await timesMade(t, create), 1)
  })
}
