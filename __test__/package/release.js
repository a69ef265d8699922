'use strict'

// A release: its tarballs, made in a copy of the checkout by the steps that make one, and an app that has installed them
// with no network and nothing in npm's cache.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')

const root = path.join(__dirname, '../..')
const manifest = require('../../package.json')

// What an outer `npm test` says of its own folder and configuration is not for the npm in here, nor are the colours that
// programs print where `CI` or `FORCE_COLOR` is set.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|FORCE_COLOR$)/i.test(name)))
env.NO_COLOR = '1'

async function run (cwd, command, ...args) {
  try {
    return (await promisify(execFile)(command, args, { cwd, env })).stdout
  } catch (error) {
    throw new Error(`${error.message}\n${error.stdout}`)
  }
}

const bin = (name) => path.join(root, 'node_modules/.bin', name)

/** Names of the packages that those with these names need when they run, themselves included. */
function closure (names, found = new Set()) {
  for (const name of names) {
    if (found.has(name)) continue
    closure(Object.keys(require(`${root}/node_modules/${name}/package.json`).dependencies || {}), found.add(name))
  }
  return [...found]
}

const dependencies = closure(Object.keys(manifest.dependencies))

/** The addon that runs here, and the name of its platform. */
function built () {
  require('../..')
  const addon = Object.keys(require.cache).find((file) => file.endsWith('.node') && path.dirname(file) === `${root}/lib`)
  return { addon, platform: /\.([^.]+)\.node$/.exec(addon)[1] }
}

class Release {
  temporary = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'koa-session-native-package-'))
  stage = path.join(this.temporary, 'stage')
  app = path.join(this.temporary, 'app')

  async make () {
    await this.#prepare()
    this.main = await this.#pack(this.stage)
    this.binary = await this.#pack(path.join(this.stage, 'npm', this.platform))
    await this.#install()
    return this
  }

  remove () {
    fs.rmSync(this.temporary, { recursive: true, force: true })
  }

  /** Koa, the types and such, which the app would have itself, stand in another folder: what was installed stays plain to see. */
  link (folder, ...names) {
    fs.mkdirSync(path.join(folder, 'node_modules'), { recursive: true })
    for (const name of names) {
      fs.symlinkSync(path.join(root, 'node_modules', name), path.join(folder, 'node_modules', name))
    }
  }

  async #prepare () {
    const { stage } = this
    const { addon, platform } = built()
    this.platform = platform
    const notCopied = ['.git', '.runtimes', 'node_modules', 'target'].map((name) => path.join(root, name))
    fs.cpSync(root, stage, { recursive: true, filter: (file) => !notCopied.includes(file) })
    fs.rmSync(path.join(stage, 'npm'), { recursive: true })
    await run(stage, bin('napi'), 'create-npm-dirs')
    for (const name of fs.readdirSync(path.join(stage, 'npm'))) {
      // A release has all the binaries, and pre-publish insists; only the one that was built here is packed and run.
      const file = path.join(stage, 'npm', name, `koa-session-native.${name}.node`)
      if (name === platform) fs.copyFileSync(addon, file)
      else fs.writeFileSync(file, '')
    }
    await run(stage, bin('napi'), 'pre-publish', '--skip-optional-publish', '--no-gh-release', '-t', 'npm')
  }

  async #pack (folder) {
    const { temporary } = this
    const [{ filename, files, size, unpackedSize }] = JSON.parse(await run(folder, 'npm', 'pack', '--json', '--pack-destination', temporary))
    return {
      tarball: path.join(temporary, filename),
      files: files.map((file) => file.path).sort(),
      sizes: { packed: size, unpacked: unpackedSize }
    }
  }

  async #install () {
    const { app, temporary } = this
    const tarballs = [this.main.tarball, this.binary.tarball]
    for (const name of dependencies) tarballs.push((await this.#pack(path.join(root, 'node_modules', name))).tarball)
    fs.mkdirSync(app)
    fs.writeFileSync(path.join(app, 'package.json'), '{ "name": "app", "version": "1.0.0", "private": true }')
    await run(app, 'npm', 'install', '--offline', '--cache', path.join(temporary, 'cache'), '--no-audit', '--no-fund', ...tarballs)
    this.link(temporary, 'koa', '@types')
  }
}

module.exports = { Release, bin, dependencies, env, manifest, root, run }
