'use strict'

const { setImmediate: turn } = require('node:timers/promises')

const test = require('ava')

const { absence } = require('./absent')
const { Lab, runFault } = require('./lab')
const { faults } = require('./list')

const guaranteed = ({ guarantee }, contestant) => typeof guarantee === 'function' ? guarantee(contestant) : guarantee

/** What is promised; a name that the guarantee gives as undefined may be seen in more than one way. */
const promised = (facts, expected) => Object.fromEntries(Object.entries(facts).filter(([name]) => !(name in expected) || expected[name] !== undefined))

/** Has this contestant keep what is guaranteed, fault by fault. */
function guarantee (contestant) {
  const strays = []
  const stray = (kind) => (error) => { strays.push(`${kind}: ${error?.stack ?? error}`) }
  const listeners = { unhandledRejection: stray('unhandledRejection'), uncaughtException: stray('uncaughtException') }

  test.before(() => Object.entries(listeners).forEach(([event, listener]) => process.on(event, listener)))

  for (const fault of faults.filter((each) => !absence(each, contestant))) {
    test.serial(fault.fault, async (t) => {
      const expected = guaranteed(fault, contestant)
      const facts = await runFault(fault, new Lab(contestant))
      t.deepEqual(promised(facts, expected), promised(expected, expected))
      await turn() // where an unhandled rejection would come out
      t.deepEqual(strays.splice(0), [])
    })
  }

  test('the faults that it cannot have', (t) => {
    const named = faults.filter((fault) => absence(fault, contestant))
    for (const fault of named) t.log(`${fault.fault}: ${absence(fault, contestant)}`)
    t.true(named.length > 0)
  })
}

module.exports = { guarantee }
