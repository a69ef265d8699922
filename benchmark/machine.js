'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const PACKAGES = [
  'koa', 'koa-session-minimal', 'koa-generic-session', 'koa-session', 'koa-redis', 'koa-redis/node_modules/ioredis', 'ioredis', 'redis',
  'express', 'express-session', 'connect-redis', 'fastify', '@fastify/session', '@fastify/cookie'
]

const root = path.join(__dirname, '..')
const versionIn = (dir) => JSON.parse(fs.readFileSync(path.join(root, dir, 'package.json'), 'utf8')).version

/** Where and with what a run took place. */
const machine = () => ({
  date: new Date().toISOString(),
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
  cpu: os.cpus()[0].model,
  cpus: os.cpus().length,
  packages: {
    'koa-session-native': versionIn('.'),
    ...Object.fromEntries(PACKAGES.map((name) => [name, versionIn(`node_modules/${name}`)]))
  }
})

module.exports = { machine }
