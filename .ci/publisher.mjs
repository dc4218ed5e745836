// Who publishes the package stands in package.json alone: `author`, `homepage`, `repository`, `bugs`. `npm run publisher`
// copies it to the files that cannot read it there; it can be run again when an address has changed. With --check it fails
// while the placeholder OWNER is left, or a copy differs from package.json; npm does that before it publishes.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const read = (path) => readFileSync(root + path, 'utf8')
const { author, homepage, repository, bugs } = JSON.parse(read('package.json'))
const site = homepage.replace(/\/*$/, '/')
const code = repository.url.replace(/^git\+/, '').replace(/\.git$/, '')

/** In each file: how an address goes on, and how it has to begin. */
const copies = {
  'lib/base/guide-address.ts': { 'guide/troubleshooting': site },
  'CHANGELOG.md': { '/compare/': code, '/releases/tag/': code },
  '.github/ISSUE_TEMPLATE/config.yml': { '/security/advisories/': code, 'guide/troubleshooting': site },
}

/** The text of a copy, with each of its addresses as package.json says. */
function filled(path) {
  return Object.entries(copies[path]).reduce((text, [rest, start]) => {
    const address = new RegExp(`https://[^\\s'"]*?(?=${rest.replace('/', '\\/')})`, 'g')
    if (!address.test(text)) throw new Error(`${path} has no address that goes on with ${rest}`)
    return text.replace(address, start)
  }, read(path))
}

if (/\bOWNER\b/.test(JSON.stringify([author, homepage, repository, bugs]))) {
  fail('package.json still says OWNER in author, homepage, repository or bugs: put your own there first')
}
if (!/^https:\/\/github\.com\/[\w.-]+\/[\w.-]+$/.test(code)) {
  fail(`repository.url in package.json is ${repository.url}; it has to be git+https://github.com/<account>/<name>.git`)
}
const changed = Object.keys(copies).filter((path) => filled(path) !== read(path))
if (!process.argv.includes('--check')) {
  for (const path of changed) writeFileSync(root + path, filled(path))
  console.log(`${Object.keys(copies).join(', ')} name ${code} and ${site}`)
} else if (changed.length > 0) {
  fail(`${changed.join(', ')} differ from package.json: run npm run publisher (CONTRIBUTING.md, "Publishing")`)
}

function fail(reason) {
  console.error(reason)
  process.exit(1)
}
