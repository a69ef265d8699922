'use strict'

// node .github/scripts/publish.js FOLDER [--dry-run]
//
// Publishes what pack.js put into FOLDER: the platform packages, then the main one, which nobody can install before. What is
// on the registry already is left alone if it is the same, so that a run which failed half-way can be run again.

const { execFileSync, spawnSync } = require('node:child_process')
const path = require('node:path')

const [folder, ...flags] = process.argv.slice(2)
const packages = require(path.resolve(folder, 'packages.json'))

/** The integrity of a published version; nothing, where there is none. */
function published ({ name, version }) {
  const { status, stdout, stderr } = spawnSync('npm', ['view', `${name}@${version}`, 'dist.integrity', '--json'], { encoding: 'utf8' })
  if (status === 0) return stdout.trim() === '' ? undefined : JSON.parse(stdout)
  if (/\bE404\b/.test(stderr)) return undefined
  throw new Error(`npm view ${name}@${version}: ${stderr}`)
}

for (const each of packages) {
  const integrity = published(each)
  if (integrity === each.integrity) {
    console.log(`${each.name}@${each.version} is published`)
    continue
  }
  if (integrity) throw new Error(`${each.name}@${each.version} is published with other contents: ${integrity}, here ${each.integrity}`)
  const tag = each.version.includes('-') ? 'next' : 'latest'
  execFileSync('npm', ['publish', `./${each.filename}`, '--provenance', '--access', 'public', '--tag', tag, ...flags], { cwd: folder, stdio: 'inherit' })
}
