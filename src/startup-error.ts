/** A problem for the operator: one line that says what is wrong and how to mend it. The command line prints it and exits 1 (cli/report.ts). */
export class StartupError extends Error {
  override readonly name = 'StartupError';

  constructor(message: string, options?: ErrorOptions) {
    super(message.trim().replace(/\s*\n\s*/g, ' '), options);
  }
}
