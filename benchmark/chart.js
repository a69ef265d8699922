'use strict'

// The chart of the README: some panels of bars, with the median of each figure and a line for its range.

const fs = require('node:fs')
const path = require('node:path')
const { Resvg } = require('@resvg/resvg-js')
const { figure } = require('./ratio')

const BARE = 'bare Koa'
const NATIVE = 'koa-session-native, Redis'
const MINIMAL = 'koa-session-minimal, koa-redis'
const ON_REDIS = [NATIVE, MINIMAL, 'koa-generic-session, koa-redis', 'koa-session, ioredis', 'express-session, connect-redis', '@fastify/session, connect-redis']

/** A panel for each: what `contestants` measure, relative to `to` where it is given. */
const panels = [
  ...['read', 'change'].map((action) => ({
    title: `Requests per second, relative to bare Koa: ${action}`,
    note: 'sessions of 150 bytes on Redis, 32 connections; more is better',
    part: 'http',
    cell: `${action} 150 B, 32 connections`,
    query: { measure: 'requests/s', to: BARE },
    contestants: ON_REDIS
  })),
  ...['untouched', 'read 150 B', 'change 150 B', 'read 10 KB'].map((cell) => ({
    title: `Middleware time, relative to koa-session-minimal: ${cell}`,
    note: 'in process, on memory, above bare Koa; less is better',
    part: 'in-process',
    cell,
    query: { measure: 'µs', to: 'koa-session-minimal', above: BARE },
    contestants: ['session()', 'imsession()', 'koa-session-minimal']
  })),
  ...['get', 'set'].map((op) => ({
    title: `Redis client, operations per second, relative to ioredis: ${op}`,
    note: '64 in flight, JSON of 150 bytes; more is better',
    part: 'client',
    cell: `${op}, 64 in flight`,
    query: { measure: 'ops/s', to: 'ioredis' },
    contestants: ['RedisStore', 'ioredis', 'ioredis, auto-pipelining', 'redis']
  })),
  ...[['RSS B', 'Memory per session, bytes of RSS'], ['GC ms', 'Time of a full garbage collection, ms']].map(([measure, title]) => ({
    title: `${title}: stores in memory`,
    note: '1,000,000 sessions of 83 bytes; less is better',
    part: 'memory',
    cell: '1,000,000 sessions',
    query: { measure },
    contestants: ['koa-session-native', 'koa-session-minimal', 'koa-generic-session', 'express-session']
  }))
]

const OURS = /^(koa-session-native|session\(\)|imsession\(\)|RedisStore)/
const WIDTH = 560 // of a panel
const LABELS = 230
const VALUES = 60
const ROW = 24
const HEAD = 56
const MARGIN = 24

const escape = (text) => text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)
const label = (x, y, text, attributes = '') => `<text x="${x}" y="${y}" ${attributes}>${escape(text)}</text>`
const number = (value) => value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)

function rowsOf ({ part, cell, query, contestants }, results) {
  const measured = results[part]?.cells[cell]
  return contestants.map((of) => ({ of, spread: measured && figure(measured, { ...query, of }) })).filter(({ spread }) => spread !== undefined)
}

function panelOf ({ title, note, rows }, left, top) {
  const scale = (WIDTH - LABELS - VALUES) / Math.max(...rows.map(({ spread }) => spread.max))
  const length = (value) => Math.max(0, value * scale).toFixed(1)
  const bars = rows.map(({ of, spread: { median, min, max } }, n) => {
    const [x, y] = [left + LABELS, top + HEAD + n * ROW]
    const middle = y + ROW / 2
    return [
      label(x - 8, middle + 4, of, `text-anchor="end"${OURS.test(of) ? ' font-weight="bold"' : ''}`),
      `<rect x="${x}" y="${y + 4}" width="${length(median)}" height="${ROW - 8}" fill="${OURS.test(of) ? '#b7410e' : '#8a9ba8'}"/>`,
      `<path d="M${x + Number(length(min))} ${middle}H${x + Number(length(max))}" stroke="#222" stroke-width="1.5"/>`,
      label(x + Number(length(max)) + 6, middle + 4, number(median))
    ].join('\n')
  })
  return [label(left, top + 18, title, 'font-size="14" font-weight="bold"'), label(left, top + 36, note, 'fill="#555"'), ...bars].join('\n')
}

/** Two columns of panels, each pair as high as the higher of the two. */
function svgOf (results) {
  const shown = panels.map((panel) => ({ ...panel, rows: rowsOf(panel, results) })).filter(({ rows }) => rows.length > 0)
  let top = MARGIN
  const drawn = []
  for (let n = 0; n < shown.length; n += 2) {
    const pair = shown.slice(n, n + 2)
    pair.forEach((panel, column) => drawn.push(panelOf(panel, MARGIN + column * (WIDTH + MARGIN), top)))
    top += HEAD + Math.max(...pair.map(({ rows }) => rows.length)) * ROW + MARGIN
  }
  const width = 2 * WIDTH + 3 * MARGIN
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top}" viewBox="0 0 ${width} ${top}" font-family="sans-serif" font-size="12" fill="#111">
<rect width="${width}" height="${top}" fill="#fff"/>
${drawn.join('\n')}
</svg>
`
}

/** Draws chart.svg and chart.png. */
function drawChart (results, dir) {
  const svg = svgOf(results)
  fs.writeFileSync(path.join(dir, 'chart.svg'), svg)
  const font = { loadSystemFonts: true, sansSerifFamily: 'DejaVu Sans', defaultFontFamily: 'DejaVu Sans' }
  fs.writeFileSync(path.join(dir, 'chart.png'), new Resvg(svg, { font, fitTo: { mode: 'zoom', value: 1.5 } }).render().asPng())
}

module.exports = { drawChart }
