// A real personal data server with a directory of identities in memory, for tests. Both listen on 127.0.0.1 only.
// Run with: node tests/services/pds.js NODE_MODULES FOLDER
// Prints one line of JSON, {"url": …}, once it answers; SIGTERM ends it. What it keeps is in FOLDER.
'use strict'

const crypto = require('node:crypto')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const { createRequire } = require('node:module')

const [modules, folder] = process.argv.slice(2)
const load = createRequire(path.join(path.resolve(modules), 'index.js'))

// Neither server has an option for the address it binds, and both would bind every one of the machine's.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (where, ...rest) {
  const port = typeof where === 'object' && where !== null ? where.port : where
  const callback = rest.find((value) => typeof value === 'function')
  return listen.call(this, { port: Number(port ?? 0), host: '127.0.0.1' }, callback)
}

const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = net.createServer().on('error', reject)
    probe.listen(0, () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })

function settings(port, directory) {
  const random = (bytes) => crypto.randomBytes(bytes).toString('hex')
  return {
    PDS_HOSTNAME: 'localhost',
    PDS_PORT: String(port),
    PDS_DEV_MODE: 'true',
    PDS_DATA_DIRECTORY: folder,
    PDS_BLOBSTORE_DISK_LOCATION: path.join(folder, 'blobs'),
    PDS_DID_PLC_URL: directory,
    PDS_INVITE_REQUIRED: 'false',
    PDS_SERVICE_HANDLE_DOMAINS: '.test',
    PDS_CRAWLERS: '',
    PDS_DISABLE_SSRF_PROTECTION: 'true',
    PDS_RATE_LIMITS_ENABLED: process.env.PDS_RATE_LIMITS_ENABLED ?? 'false',
    PDS_BLOB_UPLOAD_LIMIT: process.env.PDS_BLOB_UPLOAD_LIMIT ?? '5242880',
    PDS_JWT_SECRET: random(16),
    PDS_ADMIN_PASSWORD: random(16),
    PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: random(32),
    LOG_ENABLED: 'false',
  }
}

async function main() {
  fs.mkdirSync(folder, { recursive: true })
  const { Database, PlcServer } = load('@did-plc/server')
  const { PDS, envToCfg, envToSecrets, readEnv } = load('@atproto/pds')
  const [port, directoryPort] = [await freePort(), await freePort()]
  const directory = PlcServer.create({ db: Database.mock(), port: directoryPort })
  await directory.start()
  Object.assign(process.env, settings(port, `http://127.0.0.1:${directoryPort}`))
  const env = readEnv()
  const pds = await PDS.create(envToCfg(env), envToSecrets(env))
  await pds.start()
  const stop = async () => {
    await pds.destroy()
    await directory.destroy()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
