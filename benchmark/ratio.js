'use strict'

// A figure is never one measurement: contestants alternate within each round, are compared within it, since only then
// the machine treats them alike, and what is reported is the median and the range of the rounds.
//
// A cell is what was measured in one situation: `{ [contestant]: [{ [measure]: value }, ... one for each round] }`.

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Measures the contestants of each cell, round after round. A round goes through all cells, so that what the machine does
 * for a minute is in one round of many cells and not in all rounds of one; a cell that is listed several times has that many
 * turns in each. Who begins changes, and the direction, so that nobody always follows the same one. `cells` are
 * `{ name, contestants, ... }`.
 */
async function alternate (rounds, cells, measure) {
  const results = Object.fromEntries(cells.map(({ name, contestants }) => [name, Object.fromEntries(contestants.map((each) => [each, []]))]))
  for (let round = 0; round < rounds; round++) {
    for (const cell of cells) {
      const turn = results[cell.name][cell.contestants[0]].length
      for (const name of rotated(cell.contestants, turn)) results[cell.name][name].push(await measure(name, cell, turn))
    }
  }
  return results
}

const rotated = (list, by) => {
  const order = by % 2 === 0 ? list : [...list].reverse()
  const first = (by >> 1) % order.length
  return [...order.slice(first), ...order.slice(0, first)]
}

/**
 * The measure of contestant `of`, relative to `to` if it is given; `above`: of both, what they need above that one.
 * None where a round failed: the rest would flatter.
 */
function figure (cell, { measure, of, to, above }) {
  const value = (name, round) => {
    const measured = cell[name]?.[round]?.[measure]
    return above === undefined ? measured : measured - cell[above]?.[round]?.[measure]
  }
  const rounds = (cell?.[of] ?? []).map((_, round) => to === undefined ? value(of, round) : value(of, round) / value(to, round))
  if (rounds.length === 0 || !rounds.every(Number.isFinite)) return undefined
  return { median: median(rounds), min: Math.min(...rounds), max: Math.max(...rounds) }
}

module.exports = { alternate, figure, median, rotated }
