'use strict'

// Results as tables of text. `results` has `{ machine, cells }` of each part.

const { bars, passes } = require('./bars')
const { figure } = require('./ratio')

const number = (value) => {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toFixed(digits)
}

const text = (spread) => {
  if (spread === undefined) return '–'
  const { median, min, max } = spread
  return min === max ? number(median) : `${number(median)} (${number(min)}–${number(max)})`
}

/** Lines of aligned columns, the first of them to the left. */
function align (rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) => row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join('  ')).join('\n')
}

/** The figures of a table: `{ title, rows: { [cell]: { [column]: figure } } }`, with no row where nothing was measured. */
function figuresOf ({ title, columns }, cells) {
  const rows = Object.entries(cells).map(([name, cell]) => [name, columns.map(({ label, ...query }) => [label, figure(cell, query)])])
  const measured = rows.filter(([, figures]) => figures.some(([, spread]) => spread !== undefined))
  return { title, rows: Object.fromEntries(measured.map(([name, figures]) => [name, Object.fromEntries(figures)])) }
}

function tableText ({ title, rows }) {
  const cells = Object.entries(rows)
  if (cells.length === 0) return ''
  const columns = Object.keys(cells[0][1]).filter((column) => cells.some(([, figures]) => figures[column] !== undefined))
  return `${title}\n${align([['', ...columns], ...cells.map(([name, figures]) => [name, ...columns.map((column) => text(figures[column]))])])}\n`
}

/** Each bar whose cell was measured, with its figure; it fails where that has failed. */
function judge (results) {
  return bars.filter(({ part, cell }) => results[part]?.cells[cell]).map(({ part, cell, query, name, limit }) => {
    const measured = figure(results[part].cells[cell], query)
    return { name, limit, figure: measured, passed: measured !== undefined && passes(limit, measured) }
  })
}

const barsText = (judged) => align([
  ['bar', 'limit', 'is', ''],
  ...judged.map(({ name, limit, figure, passed }) => [
    name, `at ${limit.at} ${number(limit.value)}`, text(figure), passed ? 'pass' : 'FAIL'
  ])
]) + `\n${judged.filter(({ passed }) => passed).length} of ${judged.length} bars passed; ${bars.length - judged.length} not measured`

module.exports = { barsText, figuresOf, judge, tableText }
