/** What all of them come to, once all have ended, so that nothing goes on behind an error. Throws the first in order that is thrown. */
export async function together<T extends readonly unknown[]>(steps: readonly [...T]): Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }> {
  await Promise.allSettled(steps)
  return await Promise.all(steps)
}
