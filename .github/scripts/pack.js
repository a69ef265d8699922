'use strict'

// node .github/scripts/pack.js FOLDER
//
// After `napi artifacts` and `napi pre-publish`: packs the platform packages and the main one into FOLDER, looks at what is
// in them, and lists them in FOLDER/packages.json in the order in which they are published.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { platforms, root } = require('./platforms')

const folder = path.resolve(process.argv[2])
fs.mkdirSync(folder, { recursive: true })

// As pre-publish has written it.
const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json')))
const problems = []
const expect = (condition, problem) => condition || problems.push(problem)
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b)

function pack (directory, { packed, unpacked }) {
  const args = ['pack', '--json', '--pack-destination', folder]
  const [{ name, version, filename, integrity, size, unpackedSize, files }] = JSON.parse(execFileSync('npm', args, { cwd: directory, encoding: 'utf8' }))
  console.log(`${name}@${version}: ${files.length} files, ${size} bytes packed, ${unpackedSize} unpacked`)
  expect(size <= packed && unpackedSize <= unpacked, `${name} is larger than its budget: ${packed} packed, ${unpacked} unpacked`)
  return { package: { name, version, filename, integrity }, files: files.map((file) => file.path).sort() }
}

const packages = platforms.map((platform) => {
  const directory = path.join(root, 'npm', platform.name)
  const { version, repository } = JSON.parse(fs.readFileSync(path.join(directory, 'package.json')))
  const packed = pack(directory, manifest.budgets.binary)
  const name = `${manifest.napi.packageName}-${platform.name}`
  expect(packed.package.name === name, `${packed.package.name}: ${name} expected`)
  expect(version === manifest.version, `${name} has version ${version}: ${manifest.version} expected`)
  expect(same(repository, manifest.repository), `${name} has another "repository" than the main package`)
  expect(same(packed.files, ['README.md', platform.file, 'package.json']), `${name} holds ${packed.files.join(', ')}`)
  return packed.package
})

const main = pack(root, manifest.budgets.main)
expect(main.files.includes('lib/native.js'), 'the main package has no lib/native.js')
expect(!main.files.some((file) => file.endsWith('.node')), 'the main package holds a binary')
const wanted = Object.fromEntries(packages.map(({ name, version }) => [name, version]).sort())
expect(same(Object.fromEntries(Object.entries(manifest.optionalDependencies ?? {}).sort()), wanted), 'the main package does not ask for every platform package in this version')

fs.writeFileSync(path.join(folder, 'packages.json'), JSON.stringify([...packages, main.package], null, 2))
for (const problem of problems) console.error(`not ok ${problem}`)
if (problems.length > 0) process.exitCode = 1
