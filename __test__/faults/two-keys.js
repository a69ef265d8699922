'use strict'

// Two session middlewares on one app, with different keys and one store. Each has its own session, on the way in and on
// the way out.

const mark = (name) => (exchange) => {
  exchange.session[name] = 1
  return () => { exchange.session[`${name} on the way out`] = 1 }
}

const marks = ({ session }) => Object.keys(session).filter((name) => /^(outer|inner)/.test(name))

module.exports = [{
  fault: 'two middlewares with different keys',
  options: { keys: ['outer', 'inner'] },
  async run (lab) {
    const user = lab.browser()
    await lab.observe('write', user, [mark('outer'), mark('inner')])
    let outer
    await lab.observe('read', user, [(exchange) => { outer = marks(exchange) }, (exchange) => [outer, marks(exchange)]])
    lab.facts.records = await lab.store.size()
  },
  cell: ({ write, read }) => {
    if (write.status !== 200) return String(write.status)
    const own = (names, name) => names.length > 0 && names.every((each) => each.startsWith(name))
    return own(read.body[0], 'outer') && own(read.body[1], 'inner') ? 'each its own' : 'mixed up'
  },
  guarantee: {
    write: { status: 200, sent: 'inner, outer' },
    read: { status: 200, body: [['outer', 'outer on the way out'], ['inner', 'inner on the way out']] },
    records: 2
  }
}]
