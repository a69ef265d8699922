'use strict'

// Cookies with ids that no middleware has made.

const { key } = require('./lab/contestants')
const { logIn, whoIsThere } = require('./lab/handlers')

const wellFormed = /^[A-Za-z0-9_-]{1,128}$/

const ids = {
  '8 KB': 'x'.repeat(8 * 1024),
  '60 KB': 'x'.repeat(60 * 1024),
  '`../../x`': '../../x',
  '`__proto__`': '__proto__',
  'a tab': 'a\tb',
  'UTF-8': Buffer.from('сессия 💥').toString('latin1'), // as bytes travel in a header
  '`%00`': 'a%00b'
}

module.exports = Object.entries(ids).map(([name, id]) => ({
  fault: `odd id in the cookie: ${name}`,
  async run (lab) {
    const { contestant, store } = lab
    const cookie = `${key}=${id}`
    const user = lab.browser()
    const reads = await store.reads()
    await lab.observe('login', user, logIn, { cookie })
    if (reads !== undefined) lab.facts.reads = await store.reads() - reads
    lab.facts.adopted = await store.has(contestant.storeKey(id))
    lab.facts.fresh = user.cookies.has(key) && wellFormed.test(contestant.idOf(user.cookies.get(key)))
    // A record of that name, as another program could have put it there, is no session.
    if (wellFormed.test(id)) return
    await store.put(contestant.storeKey(id), '{"user":"planted"}')
    await lab.observe('planted', lab.browser(), whoIsThere, { cookie })
  },
  cell: ({ login, planted, adopted, fresh }) =>
    adopted ? 'adopted' : planted?.body ? 'reads any record' : fresh ? 'new id' : String(login.status),
  guarantee: (contestant) => ({
    login: { status: 200, sent: 'sid' },
    ...!contestant.endsWith('memory') && { reads: wellFormed.test(id) ? 1 : 0 },
    adopted: false,
    fresh: true,
    ...!wellFormed.test(id) && { planted: { status: 200 } }
  })
}))
