#!/usr/bin/env node
import { runCommand } from './program.ts'
import { processTerminal } from './terminal.ts'

// A reader that has seen enough (`raftgen ... | head -1`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 3))

const code = await runCommand(process.argv.slice(2), processTerminal)
// An exit, after what was written has left: a schema may have opened something that would keep this process alive.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
