export const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms))

/** Asks until there is an answer. Throws after `ms`, and what `signal` says once it is aborted. */
export async function until<T>(what: string, ms: number, ask: () => Promise<T | undefined>, signal?: AbortSignal): Promise<T> {
  const deadline = performance.now() + ms
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined) return answer
    signal?.throwIfAborted()
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`)
    await pause(5)
  }
}
