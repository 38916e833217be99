/** Which calls hang on which AbortSignal. One listener a signal, however many calls share it, and none once they are settled. */
export class SignalWatch {
  readonly #abort: (callId: number) => void
  readonly #watched = new Map<AbortSignal, { readonly callIds: Set<number>; readonly listener: () => void }>()

  constructor(abort: (callId: number) => void) {
    this.#abort = abort
  }

  watch(signal: AbortSignal, callId: number): void {
    if (signal.aborted) return this.#abort(callId)
    const watched = this.#watched.get(signal) ?? this.#listen(signal)
    watched.callIds.add(callId)
  }

  unwatch(signal: AbortSignal, callId: number): void {
    const watched = this.#watched.get(signal)
    if (watched === undefined || !watched.callIds.delete(callId) || watched.callIds.size > 0) return
    signal.removeEventListener('abort', watched.listener)
    this.#watched.delete(signal)
  }

  #listen(signal: AbortSignal): { readonly callIds: Set<number>; readonly listener: () => void } {
    const callIds = new Set<number>()
    const listener = (): void => {
      this.#watched.delete(signal)
      for (const callId of callIds) this.#abort(callId)
    }
    const watched = { callIds, listener }
    this.#watched.set(signal, watched)
    signal.addEventListener('abort', listener, { once: true })
    return watched
  }
}
