/** What `raftgen doctor` looks at, in the order in which it tells it. docs/diagnostics.md has the same table; a test holds the two together. */
export const doctorChecks = {
  node: 'Is Node new enough for raftgen?',
  raftgen: 'Is raftgen installed where the project is, once, and in the version that runs?',
  typebox: 'Is TypeBox installed, in the version that raftgen was made for?',
  schema: 'Is the schema free of errors?',
  generated: 'Is the generated code what the schema generates, and was it left alone?',
  handlers: 'Is there a handler of each operation, and is each written?',
  migrations: 'Is there each function between versions, and is each written?',
  lock: 'Is the wire lock committed, and of a schema that there is?',
  version: 'Is the version frozen, so that it can be deployed?',
  tsconfig: 'Does TypeScript compile the generated code with the settings of the project?',
} as const

export interface DoctorFinding {
  readonly check: keyof typeof doctorChecks
  readonly state: 'ok' | 'warning' | 'error'
  /** Of which file; none where the project as a whole is meant. Relative to the working directory. */
  readonly file?: string
  readonly message: string
  /** What to do; none where all is well. */
  readonly wayOut?: string
}
