// Preloaded into an example that hashes passwords: each hash costs some 150 ms as it should, and its tests sign in a hundred
// times. The browser's tests run the example as it is.
const crypto = require('node:crypto')
const { syncBuiltinESMExports } = require('node:module')

const { scrypt } = crypto
crypto.scrypt = (password, salt, length, options, callback) => {
  scrypt(password, salt, length, { ...options, N: 2 }, callback)
}
syncBuiltinESMExports()
