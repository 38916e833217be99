import { describe, expect, test } from 'vitest'
import { judgePattern } from '../../codegen/pattern.ts'

describe('a pattern that', () => {
  test.each([
    '^[a-z]+$',
    '^[a-z]+(-[a-z]+)*$',
    '^([a-z]+\\.)*[a-z]+$',
    '(?:ab?)*',
    'a{2,5}',
    '(a{2}){3}',
    '^\\p{L}+(?: \\p{L}+)*$',
    '(?<year>\\d{4})-\\d\\d',
    '[)(*+]+',
    'a|b*',
    '(a|b)+',
    '(?=a+)b',
    '\\(+',
    '(a+){2,9}',
  ])('may be slow only with the length of the text is fine: %s', (source) => {
    expect(judgePattern(source, 'u')).toEqual({ kind: 'fine' })
  })

  test.each([
    ['(a+)+', '(a+)'],
    ['^(?:[a-z]*)*$', '(?:[a-z]*)'],
    ['((ab)+c?)*', '((ab)+c?)'],
    ['(a*|b)+', '(a*|b)'],
    ['(x(y+)z?)+', '(x(y+)z?)'],
    ['([a-z]+[0-9]*){2,}', '([a-z]+[0-9]*)'],
    ['(-[a-z-]+)*', '(-[a-z-]+)'],
    ['(a+){1,99}', '(a+)'],
    ['(a)\\1+', '\\1'],
  ])('repeats a repetition is refused: %s', (source, group) => {
    expect(judgePattern(source, 'u')).toEqual({ kind: 'nested', message: `repeats ${group}, which repeats something itself` })
  })

  test('is none is refused', () => {
    expect(judgePattern('(', 'u').kind).toBe('invalid')
    expect(judgePattern('a'.repeat(1_025), 'u')).toEqual({ kind: 'invalid', message: 'has 1025 characters, at most 1024 are allowed' })
  })

  test('is judged fine does not explode', () => {
    const text = `${'a-'.repeat(20_000)}!`
    for (const source of ['^[a-z]+(-[a-z]+)*$', '^([a-z]+-)*[a-z]+$']) expect(new RegExp(source, 'u').test(text)).toBe(false)
  })
})
