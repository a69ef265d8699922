'use strict'

// node .github/scripts/check-artifacts.js FOLDER [TARGET...]
//
// Looks at the binaries of all targets, or of those that are named: each is there, for the right system, processor and
// libc, within its budget, and on Linux stripped. Needs `file` and `readelf`, which on Linux know the files of every target.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { gzipSync } = require('node:zlib')
const { manifest, platforms } = require('./platforms')

// With a compiler for glibc, `napi build --target ...-musl` makes a file that needs glibc: only these say what it really is.
const LIBRARIES = {
  'unknown-linux-gnu': /^(lib(c|m|pthread|dl|rt)\.so\.\d+|libgcc_s\.so\.1|ld-linux-(x86-64|aarch64)\.so\.\d)$/,
  'unknown-linux-musl': /^libc\.so$/
}
const NEWEST_GLIBC = [2, 17]

const KINDS = {
  'unknown-linux-gnu': { x64: /^ELF 64-bit LSB shared object, x86-64,/, arm64: /^ELF 64-bit LSB shared object, ARM aarch64,/ },
  'apple-darwin': { x64: /^Mach-O 64-bit x86_64 dynamically linked shared library/, arm64: /^Mach-O 64-bit arm64 dynamically linked shared library/ },
  'pc-windows-msvc': { x64: /^PE32\+ executable.*\(DLL\).* x86-64/, arm64: /^PE32\+ executable.*\(DLL\).* Aarch64/i }
}
KINDS['unknown-linux-musl'] = KINDS['unknown-linux-gnu']

const run = (...command) => execFileSync(command[0], command.slice(1), { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
const matches = (text, pattern) => [...text.matchAll(pattern)].map(([, match]) => match)

/** What is wrong with the dynamic section of an ELF file. */
function linkage (file, system) {
  const allowed = LIBRARIES[system]
  const needed = matches(run('readelf', '--dynamic', '--wide', file), /\(NEEDED\).*\[(.+)\]/g)
  const glibc = matches(run('readelf', '--version-info', '--wide', file), /Name: GLIBC_([\d.]+)/g).map((version) => version.split('.').map(Number))
  const problems = needed.filter((library) => !allowed.test(library)).map((library) => `needs ${library}`)
  if (!needed.some((library) => library.startsWith('libc.so'))) problems.push('needs no libc')
  if (system === 'unknown-linux-musl') {
    if (glibc.length > 0) problems.push('needs symbols of glibc')
  } else {
    const newest = glibc.sort((a, b) => a[0] - b[0] || a[1] - b[1]).at(-1)
    if (!newest) problems.push('needs no symbols of glibc')
    else if (newest[0] > NEWEST_GLIBC[0] || newest[1] > NEWEST_GLIBC[1]) problems.push(`needs glibc ${newest.join('.')}: ${NEWEST_GLIBC.join('.')} at most`)
  }
  return problems
}

function problemsOf (file, { system, arch }) {
  if (!fs.existsSync(file)) return ['is missing']
  const { packed, unpacked } = manifest.budgets.binary
  const bytes = fs.readFileSync(file)
  const kind = run('file', '--brief', file).trim()
  const problems = []
  if (!KINDS[system][arch].test(kind)) problems.push(`is of the wrong kind: ${kind}`)
  if (!bytes.includes('napi_register_module_v1')) problems.push('is no addon: no napi_register_module_v1')
  if (system.includes('linux')) {
    if (!/, stripped$/.test(kind)) problems.push('is not stripped')
    if (kind.startsWith('ELF')) problems.push(...linkage(file, system))
  }
  // Windows has it only where some other program installed it.
  if (system.includes('windows') && /VCRUNTIME140/i.test(bytes.toString('latin1'))) problems.push('needs VCRUNTIME140.dll: not built with crt-static')
  if (bytes.length > unpacked) problems.push(`has ${bytes.length} bytes: ${unpacked} at most`)
  const zipped = gzipSync(bytes).length
  if (zipped > packed) problems.push(`has ${zipped} bytes when packed: ${packed} at most`)
  if (problems.length === 0) console.log(`ok ${path.basename(file)}: ${bytes.length} bytes, ${zipped} packed; ${kind}`)
  return problems
}

const [folder, ...targets] = process.argv.slice(2)
const unknown = targets.filter((target) => !manifest.napi.targets.includes(target))
if (!folder || unknown.length > 0) throw new Error(`${unknown}: FOLDER and targets of package.json expected`)

const chosen = platforms.filter(({ target }) => targets.length === 0 || targets.includes(target))
const problems = chosen.flatMap((platform) => problemsOf(path.join(folder, platform.file), platform).map((problem) => `${platform.file} ${problem}`))
if (targets.length === 0) {
  const files = platforms.map(({ file }) => file)
  for (const name of fs.readdirSync(folder)) if (!files.includes(name)) problems.push(`${name} belongs to no target`)
}
for (const problem of problems) console.error(`not ok ${problem}`)
if (problems.length > 0) process.exitCode = 1
