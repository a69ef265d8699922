'use strict'

// What a user of npm gets: the tarballs of a release, made in a copy of the checkout by the steps that make a release,
// then installed into an empty app with no network and nothing in npm's cache.

const { execFile, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')

const test = require('ava')

const root = path.join(__dirname, '../..')
const manifest = require('../../package.json')

const temporary = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'koa-session-native-package-'))
const stage = path.join(temporary, 'stage')
const app = path.join(temporary, 'app')
const packed = {}
let platform

// What an outer `npm test` says of its own folder and configuration is not for the npm in here.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)))

async function run (cwd, command, ...args) {
  try {
    return (await promisify(execFile)(command, args, { cwd, env })).stdout
  } catch (error) {
    throw new Error(`${error.message}\n${error.stdout}`)
  }
}

const bin = (name) => path.join(root, 'node_modules/.bin', name)

async function pack (folder) {
  const [{ filename, files }] = JSON.parse(await run(folder, 'npm', 'pack', '--json', '--pack-destination', temporary))
  return { tarball: path.join(temporary, filename), files: files.map((file) => file.path).sort() }
}

/** Names of the packages that those with these names need when they run, themselves included. */
function closure (names, found = new Set()) {
  for (const name of names) {
    if (found.has(name)) continue
    closure(Object.keys(require(`${root}/node_modules/${name}/package.json`).dependencies || {}), found.add(name))
  }
  return [...found]
}

const dependencies = closure(Object.keys(manifest.dependencies))

/** The folders of npm/ with what their files say. */
function platformPackages (folder) {
  return Object.fromEntries(fs.readdirSync(folder).sort().map((name) => [name, Object.fromEntries(
    fs.readdirSync(path.join(folder, name)).filter((file) => !file.endsWith('.node')).sort()
      .map((file) => [file, fs.readFileSync(path.join(folder, name, file), 'utf8')])
  )]))
}

test.before(async (t) => {
  t.timeout(300000)
  require('../..')
  const addon = Object.keys(require.cache).find((file) => file.endsWith('.node') && path.dirname(file) === `${root}/lib`)
  platform = /\.([^.]+)\.node$/.exec(addon)[1]

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

  packed.main = await pack(stage)
  packed.platform = await pack(path.join(stage, 'npm', platform))
  const needed = []
  for (const name of dependencies) needed.push(await pack(path.join(root, 'node_modules', name)))

  fs.cpSync(path.join(__dirname, 'apps'), app, { recursive: true })
  fs.writeFileSync(path.join(app, 'package.json'), '{ "name": "app", "version": "1.0.0", "private": true }')
  await run(app, 'npm', 'install', '--offline', '--cache', path.join(temporary, 'cache'), '--no-audit', '--no-fund',
    ...[packed.main, packed.platform, ...needed].map(({ tarball }) => tarball))

  // Koa and the types, which the app would have itself, stand one folder up: what was installed stays plain to see.
  fs.mkdirSync(path.join(temporary, 'node_modules'))
  for (const name of ['koa', '@types']) {
    fs.symlinkSync(path.join(root, 'node_modules', name), path.join(temporary, 'node_modules', name))
  }
})

test.after.always(() => fs.rmSync(temporary, { recursive: true, force: true }))

test('every entry of `files` is there', (t) => {
  for (const entry of manifest.files) {
    const folder = path.join(root, path.dirname(entry))
    const names = fs.readdirSync(folder).filter((name) => name.endsWith(path.basename(entry).replace(/^\*/, '')))
    t.not(names.length, 0, entry)
  }
})

test('the main tarball holds the JavaScript, the types and nothing else', (t) => {
  const { files } = packed.main
  const needed = [
    'LICENSE', 'README.md', 'imsession.d.ts', 'index.d.ts', 'index.js', 'lib/imsession.js', 'lib/native.js', 'lib/session.js', 'package.json'
  ]
  t.deepEqual(needed.filter((file) => !files.includes(file)), [])
  t.deepEqual(files.filter((file) => !needed.includes(file) && !/^lib\/[a-z-]+\.js$/.test(file)), [])
})

test('the platform tarball holds the binary alone', (t) => {
  t.deepEqual(packed.platform.files, ['README.md', `koa-session-native.${platform}.node`, 'package.json'])
})

test('npm/ is what `napi create-npm-dirs` makes of package.json', (t) => {
  t.deepEqual(platformPackages(path.join(root, 'npm')), platformPackages(path.join(stage, 'npm')))
})

test('a release asks for every platform package, the checkout for none; neither runs a script when installed', (t) => {
  const released = JSON.parse(fs.readFileSync(path.join(app, 'node_modules/koa-session-native/package.json')))
  t.deepEqual(Object.keys(released.optionalDependencies).sort(),
    fs.readdirSync(path.join(root, 'npm')).map((name) => `koa-session-native-${name}`).sort())
  t.deepEqual([...new Set(Object.values(released.optionalDependencies))], [manifest.version])
  t.is(manifest.optionalDependencies, undefined)
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) t.is(released.scripts[name], undefined, name)
})

test('what is installed is the package, its binary and its dependencies', (t) => {
  t.deepEqual(fs.readdirSync(path.join(app, 'node_modules')).filter((name) => name !== '.package-lock.json').sort(),
    ['koa-session-native', `koa-session-native-${platform}`, ...dependencies].sort())
})

for (const [kind, file] of [['CommonJS', 'app.js'], ['ES module', 'app.mjs']]) {
  test(`an installed ${kind} app counts`, async (t) => {
    const child = spawn(process.execPath, [file], { cwd: app, env, stdio: ['pipe', 'pipe', 'inherit'] })
    t.teardown(async () => {
      if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
    })
    const first = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
    t.is(child.exitCode, null, 'it has ended')

    const visit = (headers) => fetch(`http://127.0.0.1:${Number(first[0])}/`, { headers })
    const one = await visit({})
    t.is(await one.text(), '1')
    const [cookie] = one.headers.get('set-cookie').split(';')
    t.regex(cookie, /^koa:sess=[\w-]{32}$/)
    t.is(await (await visit({ cookie })).text(), '2')
    t.is(await (await visit({})).text(), '1')
  })
}

for (const [module, moduleResolution] of [['node16', 'node16'], ['preserve', 'bundler']]) {
  test(`TypeScript finds the installed types: ${moduleResolution}`, async (t) => {
    await t.notThrowsAsync(run(app, bin('tsc'), '--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022',
      '--module', module, '--moduleResolution', moduleResolution, 'app.ts'))
  })
}
