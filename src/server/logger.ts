import type { Logger } from './options.ts'

/** Warnings and errors only. */
export const stderrLogger: Logger = {
  info: () => {},
  warn: (message) => process.stderr.write(`raftgen: ${message}\n`),
  error: (message) => process.stderr.write(`raftgen: ${message}\n`),
}

/** Loggers are called in the middle of turns: one that throws must not stop a node. */
export function guarded(logger: Logger): Logger {
  const guard = (level: keyof Logger) => (message: string) => {
    try {
      logger[level](message)
    } catch (error) {
      stderrLogger.error(`the logger threw: ${error instanceof Error ? error.message : String(error)}; it was told: ${message}`)
    }
  }
  return { info: guard('info'), warn: guard('warn'), error: guard('error') }
}
