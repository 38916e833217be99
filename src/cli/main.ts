#!/usr/bin/env node
// Becomes a script (`bundle.js`) with all that is imported here, and copies of it that nobody else has: no state, and no classes, in it.
import { runCommand } from './program.ts'
import { processTerminal } from './terminal.ts'

// A reader that has seen enough (`raftgen ... | head -1`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 3))

// An exit, after what was written has left: a schema may have opened something that would keep this process alive.
void runCommand(process.argv.slice(2), processTerminal).then((code) => {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
})
