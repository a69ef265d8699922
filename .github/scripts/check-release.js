'use strict'

// node .github/scripts/check-release.js [TAG]
//
// Whether this commit can be released, before anything is built: the version is the same everywhere, the changelog has it,
// and package.json names the repository that this runs in (npm refuses a provenance that names another).

const fs = require('node:fs')
const path = require('node:path')
const { manifest, root } = require('./platforms')

const [tag] = process.argv.slice(2)
const { GITHUB_REPOSITORY, GITHUB_SERVER_URL = 'https://github.com' } = process.env
const { version } = manifest

const problems = []
const read = (file) => fs.readFileSync(path.join(root, file), 'utf8')
const expect = (condition, problem) => condition || problems.push(problem)

expect(!tag || tag === `v${version}`, `the tag is ${tag}, but the version in package.json is ${version}: v${version} expected`)

const workspace = /^\[workspace\.package\]\n(?:(?!\[).*\n)*?version = "([^"]+)"/m.exec(read('Cargo.toml'))?.[1]
expect(workspace === version, `Cargo.toml: the version in [workspace.package] is ${workspace}, in package.json it is ${version}`)

const locked = new RegExp(`^name = "${manifest.name}"\\nversion = "([^"]+)"`, 'm').exec(read('Cargo.lock'))?.[1]
expect(locked === version, `Cargo.lock: the version of ${manifest.name} is ${locked}, in package.json it is ${version}`)

const dated = read('CHANGELOG.md').split('\n').some((line) => line.startsWith(`## [${version}] - `) && /- \d{4}-\d\d-\d\d$/.test(line))
expect(dated, `CHANGELOG.md: no section "## [${version}] - YYYY-MM-DD"`)

const url = manifest.repository?.url ?? manifest.repository
const here = GITHUB_REPOSITORY && `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`
const wanted = `"repository": { "type": "git", "url": "git+${here ?? 'https://github.com/OWNER/NAME'}.git" }`
if (!url) {
  problems.push(`package.json: no "repository", and npm takes no provenance without it. Add ${wanted}, run \`npx napi create-npm-dirs\`, and commit both`)
} else if (here) {
  expect(url.replace(/^git\+/, '').replace(/\.git$/, '') === here, `package.json: "repository" is ${url}, but this runs in ${here}. npm takes no provenance from another repository: ${wanted}`)
} else {
  console.log(`GITHUB_REPOSITORY is not set: "repository" (${url}) is not compared`)
}

for (const problem of problems) console.error(GITHUB_REPOSITORY ? `::error::${problem}` : problem)
if (problems.length > 0) process.exitCode = 1
else console.log(`${version} can be released`)
