'use strict'

// TLS for tests: a CA of our own and its certificates, made by openssl, and servers that use them.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')

const { freePort, startRedis } = require('./redis-server')

const run = promisify(execFile)

class Authority {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'koa-session-native-tls-'))

  /** Its own certificate: path and text. */
  get ca () {
    return this.#at('ca')
  }

  async make () {
    process.once('exit', () => this.remove())
    await this.#openssl('req', '-x509', ...this.#newKey('ca'), '-out', this.#path('ca.crt'), '-days', '2', '-subj', '/CN=test authority',
      '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign')
    return this
  }

  /** A certificate with the names `san` (`IP:127.0.0.1,DNS:localhost`), for a `server` or a `client`: `cert` and `key`. */
  async issue (name, { san, usage = 'server', traditionalKey = false }) {
    const extensions = this.#path(`${name}.ext`)
    fs.writeFileSync(extensions, `basicConstraints=CA:FALSE\nextendedKeyUsage=${usage}Auth\n${san ? `subjectAltName=${san}\n` : ''}`)
    await this.#openssl('req', ...this.#newKey(name), '-out', this.#path(`${name}.csr`), '-subj', `/CN=${name}`)
    await this.#openssl('x509', '-req', '-in', this.#path(`${name}.csr`), '-out', this.#path(`${name}.crt`), '-days', '2',
      '-CA', this.#path('ca.crt'), '-CAkey', this.#path('ca.key'), '-CAcreateserial', '-extfile', extensions)
    if (traditionalKey) await this.#openssl('ec', '-in', this.#path(`${name}.key`), '-out', this.#path(`${name}.key`))
    return { cert: this.#at(name), key: this.#at(name, 'key') }
  }

  remove () {
    fs.rmSync(this.dir, { recursive: true, force: true })
  }

  #newKey (name) {
    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', this.#path(`${name}.key`)]
  }

  #at (name, kind = 'crt') {
    const file = this.#path(`${name}.${kind}`)
    return { path: file, text: fs.readFileSync(file, 'utf8') }
  }

  #path (file) {
    return path.join(this.dir, file)
  }

  // An empty configuration: the machine's own could add extensions.
  #openssl (...args) {
    return run('openssl', args, { env: { ...process.env, OPENSSL_CONF: '/dev/null' } })
  }
}

/** A new CA, on disk until `remove()`. */
const startAuthority = () => new Authority().make()

/** A server that speaks TLS at `tlsPort` and plain text at `port`; `clients`: do those have to show a certificate? */
async function startTlsRedis ({ ca }, { cert, key }, { clients = false, args = [], ...options } = {}) {
  const tlsPort = await freePort()
  const server = await startRedis({
    ...options,
    args: [
      '--tls-port', tlsPort, '--tls-ca-cert-file', ca.path, '--tls-cert-file', cert.path, '--tls-key-file', key.path,
      '--tls-auth-clients', clients ? 'yes' : 'no', ...args
    ]
  })
  return Object.assign(server, { tlsPort })
}

module.exports = { startAuthority, startTlsRedis }
