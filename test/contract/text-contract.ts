import type { SessionStore } from '../../lib/session/store'
import { at, keptIn, recordWith, sessionWith, setting } from './samples'

/** Names and values of fields are opaque: whatever they are, they come back as they went in. */
export function describeTexts(store: () => SessionStore): void {
  describe('texts', () => {
    const { kept, fieldsOf } = keptIn(store)

    const texts: [string, string][] = [
      ['nothing', ''],
      ['__proto__', '__proto__'],
      ['constructor', 'constructor'],
      ['a newline and a NUL', '\r\n\0$3\r\n'],
      ['any script', 'ключ 鍵 🔑 مفتاح'],
      ['half a surrogate pair', 'a\ud83d'],
      ['the other half', '\udd11a'],
      ['the replacement character', 'a\ufffd'],
      ['what looks like an escape', 'j:"a"'],
      ['a number', '1e400'],
      ['100 kB', 'é'.repeat(100_000)],
    ]

    test.each(texts)('a field keeps its name and its text when they are: %s', async (_, text) => {
      const [name, other] = [`v:${text}`, `f:${text}`]
      const handle = await kept({
        record: recordWith(),
        fields: new Map([
          [name, text],
          [other, 'x'],
        ]),
      })
      expect((await store().load(handle, at(1)))?.fields).toEqual(
        new Map([
          [name, text],
          [other, 'x'],
        ]),
      )
      await store().change(handle, { fields: { set: new Map([[name, text + text]]), remove: [other] } }, at(1))
      expect((await store().load(handle, at(1)))?.fields).toEqual(new Map([[name, text + text]]))
    })

    test('names stay different fields when one session has them all', async () => {
      const fields = new Map(texts.map(([, text]) => [`v:${text}`, text]))
      const handle = await kept({ record: recordWith(), fields })
      expect((await store().load(handle, at(1)))?.fields).toEqual(fields)
    })

    test('a change is carried out when it has many thousand fields', async () => {
      const names = Array.from({ length: 9001 }, (_, index) => `v:${index}`)
      const many = (mark: string) => Object.fromEntries(names.map((name) => [name, mark]))
      const handle = await kept(sessionWith({}, many('1')))
      const change = setting(
        many('2'),
        names.map((name) => `${name}x`),
      )
      expect(await store().change(handle, change, at(1))).toBe('stored')
      expect(await fieldsOf(handle)).toEqual(many('2'))
      await store().change(handle, setting({}, names), at(1))
      expect(await fieldsOf(handle)).toEqual({})
    })
  })
}
