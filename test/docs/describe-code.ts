import { complaints } from './compile'
import { type CodeBlock, guide, readme } from './markdown'

const pages = [readme, ...guide]

/** `ts`, and `js` that is CommonJS; a piece that shows what not to write says `no-check`. */
const codeOf = (blocks: readonly CodeBlock[]) =>
  blocks.filter(({ language, info }) => /^(ts|js)$/.test(language) && !/\bno-check\b/.test(info))

// A declaration of the app's session shape holds for a whole program: a page that has one is a program of its own.
const shaped = pages.filter(({ text }) => /^declare module 'holdfast'/m.test(text))
const others = pages.filter((page) => !shaped.includes(page))

/** Compiles every piece of code of README and of the guide, with the compiler in that folder. */
export function describeCode(name: string, compiler: () => string): void {
  describe(`with ${name} and the flags of \`tsc --init\``, () => {
    test('every piece of code in README and in the guide compiles', async () => {
      const pieces = others.flatMap(({ blocks }) => codeOf(blocks))
      expect(pieces.length).toBeGreaterThan(40)
      expect(await complaints(pieces, compiler())).toEqual([])
    }, 120_000)

    test.each(shaped.map((page) => [page.path, page] as const))(
      'every piece of code in %s compiles',
      async (_path, page) => {
        expect(await complaints(codeOf(page.blocks), compiler())).toEqual([])
      },
      120_000,
    )

    test('a wrong piece of code does not compile', async () => {
      const wrong = {
        place: 'here:1',
        language: 'ts',
        info: '',
        text: "import { sessionMiddleware } from 'holdfast'\nsessionMiddleware({ sessionTtl: 'a day' })\n",
      }
      expect(await complaints([wrong], compiler())).toEqual([
        expect.stringMatching(/^here:1.*Type 'string' is not assignable to type 'number/),
      ])
    }, 120_000)
  })
}
