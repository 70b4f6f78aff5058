import { AppError } from '../errors.ts';
import { StartupError } from '../startup-error.ts';

/** Says what went wrong: one line for what the operator can mend, everything for a defect. The exit code becomes 1. */
export function report(error: unknown): void {
  process.stderr.write(`trunkline: ${inWords(error)}\n`);
  process.exitCode = 1;
}

function inWords(error: unknown): string {
  if (error instanceof StartupError) return error.message;
  if (error instanceof AppError) {
    const { field, reason } = error.details;
    const why = [field, reason].filter((part) => part !== undefined && !error.message.includes(part)).join(': ');
    return why ? `${error.message} (${why})` : error.message;
  }
  return `a defect: ${error instanceof Error ? error.stack : String(error)}`;
}
