import { createServer } from 'node:net'
import { expect, test, vi } from 'vitest'
import { freePort } from './free-port.ts'

test('no port is given twice, however many ask at once and whoever else asks', async () => {
  vi.resetModules()
  const elsewhere = await import('./free-port.ts')
  const ports = await Promise.all(Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? freePort() : elsewhere.freePort())))
  expect(new Set(ports).size).toBe(400)
  expect(ports.filter((port) => port < 10_000 || port >= 30_000)).toEqual([])
})

test('a server may listen on the port it got', async () => {
  const port = await freePort()
  const server = createServer()
  await new Promise<void>((listening) => server.listen(port, listening))
  await new Promise((closed) => server.close(closed))
})
