import { describe, expect, test } from 'vitest'
import { confOfVoters, type ConfState, type Digest, type NodeId } from '../../src/core/index.ts'
import { judgeState } from '../../src/node/state-verdict.ts'

const conf = (voters: number): ConfState =>
  confOfVoters(Array.from({ length: voters }, (_, i) => ({ id: i + 1, incarnation: 1, peer: `127.0.0.1:${i}`, client: `127.0.0.1:9${i}` })))
const digest = (letter: string): Digest => ({ low: letter.charCodeAt(0), high: 7 })

/** `aab`: what nodes 1, 2 and 3 have; `-`: has not said so. Node 1 judges. */
function judge(said: string, { in: given, as = 1 }: { readonly in?: ConfState; readonly as?: NodeId } = {}) {
  const reports = new Map([...said].flatMap((letter, i) => (letter === '-' || i + 1 === as ? [] : [[i + 1, digest(letter)] as const])))
  const { standing, others } = judgeState(given ?? conf(said.length), { id: as, own: digest(said.charAt(as - 1)) }, reports)
  return `${standing}${others.length === 0 ? '' : ` ${others.join(',')}`}`
}

describe('of what all voters had after one entry', () => {
  test.each([
    ['aaa', 'agrees'],
    ['aa-', 'agrees'],
    ['a--', 'unknown'],
    ['aab', 'agrees 3'],
    ['aba', 'agrees 2'],
    ['baa', 'differs 2,3'],
    ['abc', 'split 2,3'],
    ['ab-', 'split 2'],
    ['aabb', 'split 3,4'],
    ['aaab', 'agrees 4'],
    ['abbb', 'differs 2,3,4'],
    ['aabbb', 'differs 3,4,5'],
    ['aabb-', 'split 3,4'],
    ['aaabb', 'agrees 4,5'],
    ['aaa--', 'agrees'],
    ['aa---', 'unknown'],
    ['ab---', 'split 2'],
    ['abcaa', 'agrees 2,3'],
    ['ab', 'split 2'],
    ['a', 'agrees'],
  ])('%s: %s', (said, verdict) => {
    expect(judge(said)).toBe(verdict)
  })

  test('a majority is one of both halves of a joint configuration', () => {
    const joint = { ...conf(5), voters: [1, 2, 3], votersOutgoing: [3, 4, 5] }
    expect(judge('aab--', { in: joint })).toBe('split 3')
    expect(judge('aaaab', { in: joint })).toBe('agrees 5')
    expect(judge('aabbb', { in: joint })).toBe('split 3,4,5')
  })

  test('a learner is judged by the voters, and has no say in it', () => {
    const learning = { ...conf(4), voters: [1, 2, 3], learners: [4] }
    expect(judge('aaab', { in: learning, as: 4 })).toBe('differs 1,2,3')
    expect(judge('aaab', { in: learning })).toBe('agrees')
    expect(judge('a--b', { in: learning })).toBe('unknown')
  })
})
