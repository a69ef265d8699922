'use strict'

const { failingStore, failure } = require('./lab/failing-store')
const { outcome } = require('./lab/outcome')

const many = 20
const numbers = Array.from({ length: many }, (_, number) => number)

// All wait for the one store at the same time; their times to wait are not added up.
const queue = {
  fault: `\`set\` never answers, ${many} parallel requests on one session`,
  async run (lab) {
    const user = await lab.login()
    const failing = lab.gate()
    let inside = 0
    await Promise.all(numbers.map((number) => lab.observe(number, user.copy(), async (exchange) => {
      const { session } = exchange
      if (++inside === many) {
        await lab.fail('set', 'never answers')
        failing.open()
      }
      await failing
      session[`key${number}`] = number
    })))
    await lab.heal(user)
  },
  cell: (facts) => {
    const answers = numbers.map((number) => facts[number])
    const last = answers.find(({ hangs }) => hangs) ?? answers.reduce((slowest, each) => each.seconds > slowest.seconds ? each : slowest)
    return outcome(last) + (last.status === 200 && !last.hangs ? ', unsaved' : '')
  },
  guarantee: (contestant) => Object.fromEntries(numbers.map((number) => [number, failure(contestant, 'never answers')]))
}

module.exports = [...failingStore('never answers', '$ never answers'), queue]
