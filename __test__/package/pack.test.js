'use strict'

// What a user of npm gets.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')

const test = require('ava')

const { startRedis } = require('../helpers/redis-server')
const { Browser } = require('../helpers/serve')
const { Release, bin, dependencies, env, manifest, root, run } = require('./release')
const { shapes } = require('./shapes')

const apps = path.join(__dirname, 'apps')
const release = new Release()
const swapped = path.join(release.app, 'shapes')
let redis

/** The folders of npm/ with what their files say. */
function platformPackages (folder) {
  return Object.fromEntries(fs.readdirSync(folder).sort().map((name) => [name, Object.fromEntries(
    fs.readdirSync(path.join(folder, name)).filter((file) => !file.endsWith('.node')).sort()
      .map((file) => [file, fs.readFileSync(path.join(folder, name, file), 'utf8')])
  )]))
}

/** A browser for a program that prints its port. */
async function browse (t, program) {
  const child = spawn(process.execPath, [program], {
    cwd: path.dirname(program), env: { ...env, REDIS_URL: redis.url }, stdio: ['pipe', 'pipe', 'inherit']
  })
  t.teardown(async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
  })
  const first = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  t.is(child.exitCode, null, 'it has ended')
  return new Browser(`http://127.0.0.1:${Number(first[0])}`)
}

test.before(async (t) => {
  t.timeout(300000)
  await release.make()
  redis = await startRedis()
  fs.cpSync(apps, release.app, { recursive: true })
  for (const [name, { swap }] of Object.entries(shapes)) {
    const file = path.join(swapped, name)
    fs.writeFileSync(file, swap(fs.readFileSync(file, 'utf8')))
  }
  release.link(swapped, 'koa-redis')
})

test.after.always(async () => {
  await redis?.stop()
  release.remove()
})

test('every entry of `files` is there', (t) => {
  for (const entry of manifest.files) {
    const folder = path.join(root, path.dirname(entry))
    const names = fs.readdirSync(folder).filter((name) => name.endsWith(path.basename(entry).replace(/^\*/, '')))
    t.not(names.length, 0, entry)
  }
})

test('the main tarball holds the JavaScript, the types and nothing else', (t) => {
  const lib = ['addon', 'after', 'cookie-writer', 'cookie', 'driver', 'errors', 'imsession', 'jar', 'js-store', 'json', 'native', 'options', 'session', 'snapshots', 'stores', 'ticks', 'update']
  t.deepEqual(release.main.files, [
    'LICENSE', 'README.md', 'imsession.d.ts', 'index.d.ts', 'index.js', ...lib.map((name) => `lib/${name}.js`), 'package.json'
  ])
})

test('the platform tarball holds the binary alone', (t) => {
  t.deepEqual(release.binary.files, ['README.md', `koa-session-native.${release.platform}.node`, 'package.json'])
})

for (const name of ['main', 'binary']) {
  test(`the ${name} tarball is within its budget, packed and unpacked`, (t) => {
    const { [name]: { sizes } } = release
    t.log(sizes)
    for (const [kind, most] of Object.entries(manifest.budgets[name])) t.true(sizes[kind] <= most, `${kind}: ${sizes[kind]} of ${most} bytes`)
  })
}

// The platform packages are as napi makes them, and cannot be given the "type" that it suggests.
test('publint has nothing to say of the main tarball', async (t) => {
  t.regex(await run(release.temporary, bin('publint'), '--strict', release.main.tarball), /\nAll good!\n$/)
})

test('attw finds no problem with the types in the main tarball', async (t) => {
  t.regex(await run(release.temporary, bin('attw'), '--profile', 'node16', release.main.tarball), /No problems found/)
})

test('npm/ is what `napi create-npm-dirs` makes of package.json', (t) => {
  t.deepEqual(platformPackages(path.join(root, 'npm')), platformPackages(path.join(release.stage, 'npm')))
})

test('a release asks for every platform package, the checkout for none; neither runs a script when installed', (t) => {
  const released = JSON.parse(fs.readFileSync(path.join(release.app, 'node_modules/koa-session-native/package.json')))
  t.deepEqual(Object.keys(released.optionalDependencies).sort(),
    fs.readdirSync(path.join(root, 'npm')).map((name) => `koa-session-native-${name}`).sort())
  t.deepEqual([...new Set(Object.values(released.optionalDependencies))], [manifest.version])
  t.is(manifest.optionalDependencies, undefined)
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) t.is(released.scripts[name], undefined, name)
})

test('what is installed is the package, its binary and its dependencies', (t) => {
  t.deepEqual(fs.readdirSync(path.join(release.app, 'node_modules')).filter((name) => name !== '.package-lock.json').sort(),
    ['koa-session-native', `koa-session-native-${release.platform}`, ...dependencies].sort())
})

test('where no binary is, require says what there is and how to build one', async (t) => {
  const bare = path.join(release.temporary, 'bare')
  fs.cpSync(release.app, bare, { recursive: true })
  fs.rmSync(path.join(bare, 'node_modules', `koa-session-native-${release.platform}`), { recursive: true })
  const program = "try { require('koa-session-native') } catch ({ name, code, message, cause }) { console.log(name, code, message, Boolean(cause)) }"
  const told = await run(bare, process.execPath, '-e', program)
  t.regex(told, /^SessionPlatformError ERR_SESSION_PLATFORM koa-session-native \S+ has no binary that runs here .* true$/m)
  t.true(told.includes(`(${process.platform} ${process.arch}`))
  for (const part of ['npm run build', ...manifest.napi.targets]) t.true(told.includes(part), part)
})

async function counts (t, program) {
  const [one, other] = [await browse(t, program)].flatMap((browser) => [browser, new Browser(browser.url)])
  t.is((await one.get()).body, '1')
  t.regex(one.cookie, /^koa:sess=[\w-]{32}$/)
  t.is((await one.get()).body, '2')
  t.is((await other.get()).body, '1')
}

for (const [kind, file] of [['CommonJS', 'app.js'], ['ES module', 'app.mjs']]) {
  test(`an installed ${kind} app counts`, (t) => counts(t, path.join(release.app, file)))
}

const compile = (...args) => run(release.app, bin('tsc'), '--strict', '--skipLibCheck', 'false', '--target', 'es2022', ...args, 'app.ts')

test('TypeScript finds the installed types: node16, and the app counts', async (t) => {
  await compile('--module', 'node16', '--moduleResolution', 'node16', '--outDir', 'compiled')
  await counts(t, path.join(release.app, 'compiled/app.js'))
})

test('TypeScript finds the installed types: bundler', async (t) => {
  await t.notThrowsAsync(compile('--module', 'preserve', '--moduleResolution', 'bundler', '--noEmit'))
})

test('every shape of a program of koa-session-minimal is tried', (t) => {
  t.deepEqual(fs.readdirSync(path.join(apps, 'shapes')).sort(), Object.keys(shapes).sort())
})

for (const [name, { check }] of Object.entries(shapes)) {
  for (const [folder, what] of [[path.join(apps, 'shapes'), 'koa-session-minimal'], [swapped, 'the installed package, swapped in']]) {
    test(`${name} works on ${what}`, async (t) => {
      const client = redis.client()
      await check(t, await browse(t, path.join(folder, name)), client)
    })
  }
}
