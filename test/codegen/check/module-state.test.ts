import { beforeAll, describe, expect, test } from 'vitest'
import { found, foundInEach, linted, placed } from './linted.ts'

/** What it is, the code, and where it is found. */
const kept: readonly (readonly [string, string, string])[] = [
  ['a variable', 'let count = 0\nexport const go = () => {\n  count += 1\n}', '1:5'],
  ['a variable that is counted up', 'let count = 0\nexport const go = () => count++', '1:5'],
  ['a variable that is taken apart into', 'let [a, b] = [1, 2]\nexport const go = () => {\n  ;[a] = [b]\n}', '1:6'],
  ['a Map', 'const cache = new Map<string, number>()\nexport const go = () => cache.set("a", 1)', '1:7'],
  ['an array', 'export const log: string[] = []\nexport const go = () => log.push("a")', '1:14'],
  ['an object', 'const stats = { calls: 0 }\nexport const go = () => {\n  stats.calls++\n}', '1:7'],
  ['an object, by a computed name', 'const memo: Record<string, number> = {}\nexport const go = (key: string) => (memo[key] ??= 1)', '1:7'],
  ['an object, by delete', 'const memo: { a?: number } = {}\nexport const go = () => delete memo.a', '1:7'],
  ['an object, by Object.assign', 'const memo = {}\nexport const go = () => Object.assign(memo, { a: 1 })', '1:7'],
  ['something deep inside', 'const all = { lists: [[1]] }\nexport const go = () => all.lists[0]?.push(2)', '1:7'],
  ['another name of it', 'const lists = { a: [1] }\nexport const go = () => {\n  const list = lists.a\n  list.push(1)\n}', '1:7'],
  [
    'what a Map holds',
    'const jobs = new Map([["a", { runs: 0 }]])\nexport const go = () => {\n  const job = jobs.get("a")\n  if (job) job.runs++\n}',
    '1:7',
  ],
  ['a variable of a loop', 'let last = 0\nexport const go = () => {\n  for (last of [1, 2]);\n}', '1:5'],
  [
    'an object whose methods call each other',
    'class Tree {\n  left?: Tree\n  n = 0\n  put(n: number) {\n    this.left?.put(n)\n    this.set(n)\n  }\n  set(n: number) {\n    this.n = n\n  }\n}\nconst tree = new Tree()\nexport const go = () => tree.put(1)',
    '12:7',
  ],
  ['a static field', 'class Jobs {\n  static count = 0\n}\nexport const go = () => Jobs.count++', '1:7'],
  ['a static field, from within', 'export class Jobs {\n  static count = 0\n  static next() {\n    return this.count++\n  }\n}', '2:10'],
  ['a field of the object of the handlers', 'export const handlers = {\n  seen: [""],\n  go() {\n    this.seen.push("a")\n  },\n}', '2:3'],
  [
    'a field of the class of the handlers',
    "import type { ShopHandlers } from './generated/index.js'\nclass Shop implements ShopHandlers {\n  #seen = 0\n  go() {\n    this.#seen += 1\n  }\n}\nexport const handlers = new Shop()",
    '3:3',
  ],
  [
    'a field of a class of handlers that another module makes an object of',
    "import type { ShopHandlers } from './generated/index.js'\nexport class Shop implements ShopHandlers {\n  readonly seen = new Set<number>()\n  go() {\n    return this.seen.add(1).size\n  }\n}",
    '3:12',
  ],
  [
    'what is around handlers that another module asks for',
    "import type { ShopHandlers } from './generated/index.js'\nexport function shopHandlers(): ShopHandlers {\n  const seen = new Set<number>()\n  return { go: () => seen.add(1).size }\n}",
    '3:9',
  ],
  [
    'an object of a class that changes itself',
    'class Bag {\n  #items: number[] = []\n  put(item: number) {\n    this.#items.push(item)\n  }\n}\nconst bag = new Bag()\nexport const go = () => bag.put(1)',
    '7:7',
  ],
  [
    'what a closure keeps that was made while loading',
    'function memoized(work: (n: number) => number) {\n  const known = new Map<number, number>()\n  return (n: number) => {\n    if (!known.has(n)) known.set(n, work(n))\n    return known.get(n)\n  }\n}\nexport const double = memoized((n) => n * 2)',
    '2:9',
  ],
  ['the same, called on the spot', 'export const next = (() => {\n  let n = 0\n  return () => ++n\n})()', '2:7'],
  ['the place where an expression goes on', 'const word = /\\w+/g\nexport const go = (text: string) => word.test(text)', '1:7'],
  ['an expression with the flag y', "const word = new RegExp('a', 'y')\nexport const go = (text: string) => word.exec(text)", '1:7'],
]

/** The same, and nothing is found. */
const fine: readonly (readonly [string, string])[] = [
  ['a table that is only read', 'const prices = new Map([["a", 1]])\nexport const go = (key: string) => prices.get(key)'],
  [
    'a table that is filled by a loop',
    'const squares: number[] = []\nfor (let i = 0; i < 9; i++) squares.push(i * i)\nexport const go = () => squares[3]',
  ],
  [
    'a table that is filled by a function',
    'const build = () => {\n  const all: number[] = []\n  ;[1, 2].forEach((n) => all.push(n))\n  return all\n}\nexport const all = build()',
  ],
  ['a variable that is given its value once', 'let limit = 5\nif (limit > 3) limit = 3\nexport const go = () => limit'],
  [
    'an object that is filled and then used',
    'class Rules {\n  #all: string[] = []\n  add(rule: string) {\n    this.#all.push(rule)\n    return this\n  }\n  has(rule: string) {\n    return this.#all.includes(rule)\n  }\n}\nconst rules = new Rules().add("a").add("b")\nexport const go = () => rules.has("a")',
  ],
  [
    'a local of the same name',
    'const cache = new Map<string, number>()\nexport const go = () => {\n  const cache = new Map<string, number>()\n  cache.set("a", 1)\n  return cache.size\n}\nexport const size = cache.size',
  ],
  ['a copy', 'const defaults = [1, 2]\nexport const go = () => {\n  const mine = [...defaults]\n  mine.push(3)\n  return mine.sort()\n}'],
  ['a number of it', 'const defaults = { size: 1 }\nexport const go = () => {\n  let size = defaults.size\n  size++\n  return size\n}'],
  [
    'a helper class, made by each call',
    'class Heap {\n  readonly items: number[] = []\n  push(item: number) {\n    this.items.push(item)\n  }\n}\nexport const go = () => {\n  const heap = new Heap()\n  heap.push(1)\n  return heap.items\n}',
  ],
  ['a closure, made by each call', 'export const go = () => {\n  let n = 0\n  const next = () => ++n\n  return next() + next()\n}'],
  [
    'the state',
    'export const go = (state: { count: number; list: Map<string, number> }) => {\n  state.count++\n  state.list.set("a", 1)\n}',
  ],
  [
    'what a function around handlers only reads',
    "import type { ShopHandlers } from './generated/index.js'\nexport function shopHandlers(names: readonly string[]): ShopHandlers {\n  const known = new Set<string>()\n  for (const name of names) known.add(name)\n  names.forEach((name) => known.add(name))\n  return { go: () => known.size }\n}",
  ],
  ['a constructor', 'class Point {\n  x = 0\n  constructor(x: number) {\n    this.x = x\n  }\n}\nexport const origin = new Point(0)'],
  ['an expression without flags', 'const word = /^\\w+$/\nexport const go = (text: string) => word.test(text)'],
  [
    'an expression with the flag g where it begins anew',
    "const word = /\\w+/g\nexport const go = (text: string) => text.replace(word, 'x') + [...text.matchAll(word)].length",
  ],
  ['an expression of the call', 'export const go = (text: string) => {\n  const word = /\\w/g\n  return word.test(text)\n}'],
]

const results = new Map<string, readonly string[]>()
beforeAll(async () => {
  const rows = [...kept, ...fine]
  const found = await foundInEach(rows.map(([, handlers]) => handlers))
  for (const [row, [name]] of rows.entries()) results.set(name, found[row] ?? ['not looked into'])
  expect(results.size).toBe(rows.length)
})

describe('what a function changes and no snapshot holds is found where it is declared', () => {
  test.each(kept)('%s', (name, _, place) => {
    expect(results.get(name)).toEqual([`${place} MODULE_STATE`])
  })

  test('what the last match left, and what everybody can reach, are found where they are used', async () => {
    expect(await found('export const go = () => RegExp.$1')).toEqual(['1:25 MODULE_STATE'])
    expect(await found('export const go = () => (globalThis.count = 1)')).toEqual(['1:26 MODULE_STATE'])
  })

  test('it is told once, however often it is changed, and says where', async () => {
    const { diagnostics } = await linted({
      'handlers.ts': 'let count = 0\nexport const up = () => count++\nexport const down = () => count--\n',
    })
    expect(diagnostics.map(({ message }) => message)).toEqual([
      'count, which line 2 changes, is in no snapshot, is not rolled back with a failed command, and begins anew with each process',
    ])
  })

  test('in the module that has it, whoever changes it', async () => {
    const { diagnostics } = await linted({
      'handlers.ts':
        "import { cache } from './cache.js'\nimport * as counts from './counts.js'\nexport const go = () => {\n  cache.clear()\n  counts.all.push(1)\n}\n",
      'cache.ts': 'export const cache = new Map<string, number>()\n',
      'counts.ts': 'export const all: number[] = []\n',
    })
    expect(diagnostics.map(placed)).toEqual(['cache.ts:1:14 MODULE_STATE', 'counts.ts:1:14 MODULE_STATE'])
    expect(diagnostics[0]?.message).toContain('cache, which line 4 of handlers.ts changes,')
  })
})

describe('what is filled while a module loads and left alone then, and what lives as long as a call, is fine', () => {
  test.each(fine)('%s', (name) => {
    expect(results.get(name)).toEqual([])
  })
})
