// Who publishes the package stands in package.json alone: `author`, `homepage`, `repository`, `bugs`. `npm run publisher`
// copies it to the files that cannot read it there. With --check it fails while the placeholder OWNER is left; npm does
// that before it publishes.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const copies = ['lib/base/guide-address.ts', 'CHANGELOG.md', '.github/ISSUE_TEMPLATE/config.yml']
const read = (path) => readFileSync(root + path, 'utf8')
const { author, homepage, repository, bugs } = JSON.parse(read('package.json'))

if (process.argv.includes('--check')) {
  const left = ['package.json', ...copies].filter((path) => /\bOWNER\b/.test(read(path)))
  if (left.length > 0) {
    console.error(`OWNER is still in ${left.join(', ')}: see "Publishing" in CONTRIBUTING.md`)
    process.exit(1)
  }
} else {
  if (/\bOWNER\b/.test(JSON.stringify([author, homepage, repository, bugs]))) {
    console.error('package.json still says OWNER in author, homepage, repository or bugs: put your own there first')
    process.exit(1)
  }
  const site = homepage.replace(/\/*$/, '/')
  const code = repository.url.replace(/^git\+/, '').replace(/\.git$/, '')
  for (const path of copies) {
    const text = read(path)
      .replaceAll('https://OWNER.github.io/holdfast/', site)
      .replaceAll('https://github.com/OWNER/holdfast', code)
    writeFileSync(root + path, text)
  }
  console.log(`${copies.join(', ')} now name ${code} and ${site}`)
}
