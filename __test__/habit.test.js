'use strict'

const test = require('ava')
const session = require('..')
const { ENOUGH, Habit, LOOK_EVERY } = require('../lib/habit')
const { serve } = require('./helpers/serve')

const times = (count, work) => Array.from({ length: count }, work)

test('that sessions are touched is foreseen after enough were, and no more after one that is not', (t) => {
  const habit = new Habit()
  for (let round = 0; round < 3; round++) {
    for (const touched of [...times(ENOUGH - 1, () => true), false, ...times(ENOUGH, () => true)]) {
      t.false(habit.foresees())
      habit.note(touched)
    }
    t.true(habit.foresees())
    habit.note(false)
  }
})

test('now and then one is looked at all the same', (t) => {
  const habit = new Habit()
  times(ENOUGH, () => habit.note(true))
  const looked = times(5 * LOOK_EVERY, () => habit.foresees()).flatMap((foreseen, n) => foreseen ? [] : [n])
  t.deepEqual(looked, times(5, (_, n) => (n + 1) * LOOK_EVERY - 1))
})

test('a middleware learns from the sessions behind an accessor, and forgets by one that is left alone', async (t) => {
  const { browser } = await serve(t, session(), (ctx) => {
    const isPlain = Object.hasOwn(Object.getOwnPropertyDescriptor(ctx, 'session'), 'value')
    if (ctx.path === '/login') ctx.session.user = 'ann'
    if (ctx.path === '/touch') ctx.session.user.at(0)
    ctx.body = isPlain ? 'plain' : 'accessor'
  })
  const user = browser()
  const bodiesOf = async (paths) => {
    const bodies = []
    for (const path of paths) bodies.push((await user.get(path)).body)
    return bodies
  }
  const accessors = (count) => times(count, () => 'accessor')
  const plain = (count) => times(count, () => 'plain')
  await user.get('/login')
  const touches = times(ENOUGH + LOOK_EVERY, () => '/touch')
  t.deepEqual(await bodiesOf(touches), [...accessors(ENOUGH), ...plain(LOOK_EVERY - 1), ...accessors(1)])
  const alone = times(LOOK_EVERY + 2, () => '/alone')
  t.deepEqual(await bodiesOf(alone), [...plain(LOOK_EVERY - 1), ...accessors(3)])
  await browser().get('/alone') // a visitor without a session says nothing of those who have one
  t.deepEqual(await bodiesOf(touches), [...accessors(ENOUGH), ...plain(LOOK_EVERY - 1), ...accessors(1)])
})
