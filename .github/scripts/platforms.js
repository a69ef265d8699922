'use strict'

const path = require('node:path')

const root = path.join(__dirname, '../..')
const manifest = require('../../package.json')

const ARCHES = { x86_64: 'x64', aarch64: 'arm64' }
const SYSTEMS = {
  'unknown-linux-gnu': (arch) => `linux-${arch}-gnu`,
  'unknown-linux-musl': (arch) => `linux-${arch}-musl`,
  'apple-darwin': (arch) => `darwin-${arch}`,
  'pc-windows-msvc': (arch) => `win32-${arch}-msvc`
}

/** Every target of package.json, with napi's name for its platform and the file of its binary. */
const platforms = manifest.napi.targets.map((target) => {
  const [, arch, system] = /^([^-]+)-(.+)$/.exec(target)
  const name = SYSTEMS[system](ARCHES[arch])
  return { target, arch: ARCHES[arch], system, name, file: `${manifest.napi.binaryName}.${name}.node` }
})

module.exports = { manifest, platforms, root }
