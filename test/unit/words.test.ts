import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  createScanner,
  createSourceFile,
  forEachChild,
  getLeadingCommentRanges,
  getTrailingCommentRanges,
  isCallExpression,
  isIdentifier,
  isPrivateIdentifier,
  isStringLiteralLike,
  isTemplateExpression,
  LanguageVariant,
  type Node,
  ScriptTarget,
  type SourceFile,
  SyntaxKind,
} from 'typescript'

const root = resolve(__dirname, '../..')

/** Words that a reader of the field takes for something else, and those that name no actor. What stands in their place:
 * CONTRIBUTING.md, "Words". */
const privateWords = [
  /\b(?:whoever|nobody|somebody|someone|anybody|anyone|everybody|everyone|whom)\b/i,
  /\b(?:tells?|told|hears?|heard|gone|owe[sd]?|pays?|paid|swallow(?:s|ed)?|strays?)\b/i,
  /\b(?:answer(?:s|ed|ing)?|news|gates?|doors?|presented|dead ids?|touch(?:es|ed|ing)?)\b/i,
  /\bopens? nothing\b/i,
  /\blet(?:s|ting)? go\b/i,
  // Beside `looks like`, `look for` and `look-up`, which are ordinary English.
  /\blook(?:s|ed|ing)?\b(?!-|\s+(?:like|as|up|for)\b)/i,
]

/** Words of the list that are names: of an API, of a value that stores return, of a channel in Redis. */
const names = [
  // express-session's method, and that of its stores.
  /`touch`|\btouch\(\)|^'touch'$/g,
  // A result of `SessionStore.change`, and what is said of it.
  /`gone`|^'gone'$/g,
  // RedisStore publishes on it: another name would cut a deployment in two.
  /sess:news\*|<prefix>news(?::\d+)?/g,
]

interface Text {
  readonly place: string
  readonly text: string
}

function privateWordsIn({ place, text }: Text): string[] {
  const words = names.reduce((rest, name) => rest.replace(name, ''), text)
  return privateWords.flatMap((word) => {
    const found = word.exec(words)
    return found === null ? [] : [`${place} ${found[0]}`]
  })
}

function filesOf(folder: string, kind = /\.m?ts$/): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => kind.test(path) && !/node_modules|[\\/]\.next[\\/]/.test(path))
    .map((path) => join(folder, path))
    .filter((path) => !path.startsWith(suiteOfOthers))
}

/** express-session's own tests. */
const suiteOfOthers = join('test', 'express-session', 'upstream', 'suite')

/** Comments and texts of a file. */
function proseOf(file: string): Text[] {
  const source = readFileSync(join(root, file), 'utf8')
  const scanner = createScanner(ScriptTarget.ESNext, false, LanguageVariant.Standard, source)
  const kinds = [
    SyntaxKind.SingleLineCommentTrivia,
    SyntaxKind.MultiLineCommentTrivia,
    SyntaxKind.StringLiteral,
    SyntaxKind.NoSubstitutionTemplateLiteral,
    SyntaxKind.TemplateHead,
  ]
  const found: Text[] = []
  for (let kind = scanner.scan(); kind !== SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    if (!kinds.includes(kind)) continue
    const line = source.slice(0, scanner.getTokenStart()).split('\n').length
    found.push({ place: `${file}:${line}`, text: scanner.getTokenText() })
  }
  return found
}

const parsed = new Map<string, SourceFile>()

function parse(file: string): SourceFile {
  const known = parsed.get(file) ?? createSourceFile(file, readFileSync(join(root, file), 'utf8'), ScriptTarget.ESNext)
  parsed.set(file, known)
  return known
}

/** What `test`, `describe` and their `each` are given as a title. */
function titlesOf(file: string): Text[] {
  const source = parse(file)
  const found: Text[] = []
  const visit = (node: Node): void => {
    if (isCallExpression(node) && /^(?:test|it|describe)\b/.test(node.expression.getText(source))) {
      const [title] = node.arguments
      if (title !== undefined && (isStringLiteralLike(title) || isTemplateExpression(title))) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source))
        found.push({ place: `${file}:${line + 1}`, text: title.getText(source) })
      }
    }
    forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Comments and identifiers of a file; `lookUp` counts as two words. */
function wordsOf(file: string): Text[] {
  const source = parse(file)
  const { text } = source
  const found = new Map<number, Text>()
  const add = (start: number, words: string): void => {
    const { line } = source.getLineAndCharacterOfPosition(start)
    found.set(start, { place: `${file}:${line + 1}`, text: words })
  }
  const visit = (node: Node): void => {
    const children = node.getChildren(source)
    if (children.length === 0) {
      const comments = [
        ...(getLeadingCommentRanges(text, node.pos) ?? []),
        ...(getTrailingCommentRanges(text, node.end) ?? []),
      ]
      for (const { pos, end } of comments) add(pos, text.slice(pos, end))
    }
    if ((isIdentifier(node) || isPrivateIdentifier(node)) && node.text !== 'touch') {
      add(node.getStart(source), node.text.replace(/(?<=[a-z0-9])(?=[A-Z])/g, ' '))
    }
    children.forEach(visit)
  }
  visit(source)
  return [...found.values()]
}

test('comments and messages of lib use the terms of the field', () => {
  const prose = filesOf('lib').flatMap(proseOf)
  expect(prose.length).toBeGreaterThan(1000)
  expect(prose.flatMap(privateWordsIn)).toEqual([])
})

test('titles of tests use the terms of the field', () => {
  const titles = filesOf('test').flatMap(titlesOf)
  expect(titles.length).toBeGreaterThan(1000)
  expect(titles.flatMap(privateWordsIn)).toEqual([])
})

test.each([
  ['test', 20_000],
  ['bench', 1000],
  ['examples', 2000],
])('file names, comments and identifiers in %s/ use the terms of the field', (folder, least) => {
  const files = filesOf(folder, /\.[cm]?[jt]s$/)
  const words = files.flatMap(wordsOf)
  expect(words.length).toBeGreaterThan(least)
  const names = files.map((file) => ({ place: file, text: file.replace(/\W/g, ' ') }))
  expect([...names, ...words].flatMap(privateWordsIn)).toEqual([])
})

test.each([
  ["'a write that nobody waits for'", 'nobody'],
  ["'the store tells nothing'", 'tells'],
  ["'the id opens nothing'", 'opens nothing'],
  ["'a look at the store'", 'look'],
  ["'an answer of the store'", 'answer'],
  ["'the session is gone'", 'gone'],
])('%s has the private word "%s"', (text, word) => {
  expect(privateWordsIn({ place: 'x', text })).toEqual([`x ${word}`])
})

test.each([
  "'gone'",
  'It is `gone`: the epoch differs.',
  "'recorded by touch()'",
  'It looks like text, is looked for, and found by a look-up.',
])('%s has none', (text) => {
  expect(privateWordsIn({ place: 'x', text })).toEqual([])
})
