import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { messageOf, NodeProcess } from './systems/node-process.ts'

const program = (text: string) => spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })

test('who waits for a node that ends hears of it at once', async () => {
  const node = new NodeProcess()
  node.begin(program('process.exit(3)'))
  await expect(node.until('node 1', 60_000, async () => undefined)).rejects.toThrow('node 1 ended with exit code 3')
  await node.end('SIGTERM')
})

test('and so does who asks when it has ended already, or waits for a message', async () => {
  const child = program('setInterval(() => {}, 1000)')
  const message = messageOf(child, 'node 1')
  child.kill('SIGKILL')
  await expect(message).rejects.toThrow('node 1 ended with SIGKILL')
  await expect(messageOf(child, 'node 1')).rejects.toThrow('node 1 ended with SIGKILL')
})

test('what a process says is heard', async () => {
  const node = new NodeProcess()
  const child = program('process.send({ port: 1 }); setInterval(() => {}, 1000)')
  node.begin(child)
  expect(await messageOf(child, 'node 1')).toEqual({ port: 1 })
  await node.end('SIGTERM')
})
