import { FlashFields } from '../../../lib/session/flash-fields'

afterEach(() => jest.restoreAllMocks())

function changesOf(flash: FlashFields, takesReadable?: boolean): { set: Map<string, string>; remove: string[] } {
  const set = new Map<string, string>()
  const remove: string[] = []
  flash.changes(set, remove, takesReadable)
  return { set, remove }
}

/** Saves the messages, and returns the names of their fields. */
function save(flash: FlashFields): string[] {
  const { set, remove } = changesOf(flash)
  flash.settle({ set, remove })
  return [...set.keys()]
}

const fields = (from: Record<string, string>): Map<string, string> => new Map(Object.entries(from))

describe('messages for the next request', () => {
  test('are one field each, with a name from which its key can be read', () => {
    const flash = new FlashFields()
    flash.put('notice', 'Saved')
    flash.put('a:b', { x: 1 })
    const { set, remove } = changesOf(flash)
    expect([...set.values()]).toEqual(['"Saved"', '{"x":1}'])
    expect([...set.keys()].map((name) => FlashFields.keyOf(name))).toEqual(['notice', 'a:b'])
    for (const name of set.keys()) expect(name).toMatch(/^f:[\da-z]{12,18}:(notice|a:b)$/)
    expect(remove).toEqual([])
  })

  test('are read in the order in which they were left, whatever the order of the fields', () => {
    const now = jest.spyOn(Date, 'now')
    const names = [35, 36, 36 ** 8 - 1, 36 ** 8].flatMap((instant) => {
      now.mockReturnValue(instant)
      return Array.from({ length: instant === 35 ? 1400 : 40 }, () => {
        const flash = new FlashFields()
        flash.put('n', 1)
        return [...changesOf(flash).set.keys()][0] ?? ''
      })
    })
    expect([...names].sort()).toEqual(names)
    const backwards = new Map(names.map((name, index): [string, string] => [name, String(index)]).reverse())
    const flash = FlashFields.read(backwards)
    expect([flash.get('n'), flash.size]).toEqual([names.length - 1, 1])
  })

  test('of one text, left by two requests in one millisecond, have different names', () => {
    jest.spyOn(Date, 'now').mockReturnValue(1)
    const names = [0, 1].map(() => {
      const flash = new FlashFields()
      flash.put('n', 1)
      return [...changesOf(flash).set.keys()][0]
    })
    expect(names[0]).not.toBe(names[1])
  })

  test('that were taken back are not left', () => {
    const flash = new FlashFields()
    flash.takeBack('absent')
    flash.put('a', 1)
    flash.put('b', 2)
    flash.takeBack('a')
    expect([...changesOf(flash).set.values()]).toEqual(['2'])
    expect([...flash.texts()]).toEqual([['b', '2']])
  })

  test('take the bytes of keys and texts, less those of one key', () => {
    const flash = new FlashFields()
    expect(flash.bytesWithout(undefined)).toBe(0)
    flash.put('é', 'x')
    flash.put('b', 10)
    expect([flash.bytesWithout(undefined), flash.bytesWithout('é'), flash.bytesWithout('b')]).toEqual([8, 3, 5])
  })
})

describe('messages of a record', () => {
  const given = fields({ 'f:1:a': '"one"', 'f:2:a': '"two"', 'f:3:b': 'null', 'f:4:c': '{', 'f:5:d': '0' })

  test('are readable, the latest of each key, unless their text is null or no JSON', () => {
    const flash = FlashFields.read(given)
    expect([flash.get('a'), flash.get('b'), flash.get('c'), flash.get('d')]).toEqual(['two', undefined, undefined, 0])
    expect(['a', 'b', 'c', 'd'].map((key) => flash.has(key))).toEqual([true, false, false, true])
    expect([[...flash.keys()], flash.size]).toEqual([['a', 'd'], 2])
  })

  test('are all removed by the save, also those that read as absent, unless it is to leave them', () => {
    const flash = FlashFields.read(given)
    expect(changesOf(flash)).toEqual({ set: new Map(), remove: [...given.keys()] })
    expect(changesOf(flash, true).remove).toEqual([...given.keys()])
    expect(changesOf(flash, false).remove).toEqual([])
  })

  test('are removed once: not by the save after the one that has removed them', () => {
    const flash = FlashFields.read(given)
    flash.settle({ set: new Map(), remove: ['f:1:a', 'v:other'] })
    expect(changesOf(flash).remove).toEqual(['f:2:a', 'f:3:b', 'f:4:c', 'f:5:d'])
    flash.settle({ set: new Map(), remove: [] })
    expect(changesOf(flash).remove).toHaveLength(4)
    save(flash)
    expect(changesOf(flash).remove).toEqual([])
  })

  test('are none where there are no fields', () => {
    const flash = FlashFields.read(new Map())
    expect([flash.size, flash.has('a'), flash.get('a'), [...flash.keys()]]).toEqual([0, false, undefined, []])
    expect(changesOf(flash)).toEqual({ set: new Map(), remove: [] })
  })
})

test('messages given by hand are readable, unless they are null or undefined', () => {
  const flash = FlashFields.of(Object.entries({ a: 1, b: null, c: undefined, d: '' }))
  expect([[...flash.keys()], flash.get('a'), flash.get('d')]).toEqual([['a', 'd'], 1, ''])
  expect(changesOf(flash)).toEqual({ set: new Map(), remove: [] })
})

describe('a message that a save has stored', () => {
  test('is stored once', () => {
    const flash = new FlashFields()
    flash.put('n', 1)
    expect(save(flash)).toHaveLength(1)
    expect(changesOf(flash)).toEqual({ set: new Map(), remove: [] })
  })

  test('is replaced when the key has another one', () => {
    const flash = new FlashFields()
    flash.put('n', 1)
    flash.put('other', 1)
    const [before] = save(flash)
    flash.put('n', 2)
    const { set, remove } = changesOf(flash)
    expect([[...set.values()], remove]).toEqual([['2'], [before]])
    expect(set.has(before ?? '')).toBe(false)
    save(flash)
    expect(changesOf(flash)).toEqual({ set: new Map(), remove: [] })
  })

  test('is removed when it was taken back, once', () => {
    const flash = new FlashFields()
    flash.put('n', 1)
    flash.put('other', 1)
    const [before] = save(flash)
    flash.takeBack('n')
    expect(changesOf(flash)).toEqual({ set: new Map(), remove: [before] })
    save(flash)
    expect(changesOf(flash)).toEqual({ set: new Map(), remove: [] })
  })

  test('is not what a save of other fields has stored', () => {
    const flash = new FlashFields()
    flash.put('a', 1)
    flash.settle({ set: new Map([['v:a', '1']]), remove: [] })
    expect([...changesOf(flash).set.values()]).toEqual(['1'])
  })

  test('stays when a save removes others', () => {
    const flash = new FlashFields()
    flash.put('a', 1)
    flash.put('b', 2)
    save(flash)
    flash.settle({ set: new Map(), remove: ['f:0:c'] })
    expect(changesOf(flash)).toEqual({ set: new Map(), remove: [] })
  })
})

test('a field is one of a message when its name begins so', () => {
  expect(['f:1:a', 'v:a', 'xf:1:a', 'f'].map((name) => FlashFields.isField(name))).toEqual([true, false, false, false])
})
