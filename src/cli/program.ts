import { Command } from 'commander';
import { auditCommands } from './audit.ts';
import { connectorCommands } from './connectors.ts';
import { databaseLoginCommands } from './database-logins.ts';
import { demoCommand } from './demo.ts';
import { keyCommands } from './keys.ts';
import { leadCommands } from './leads.ts';
import { messageCommands } from './messages.ts';
import { openApiCommand } from './openapi.ts';
import { organizationCommands } from './organizations.ts';
import { processCommands } from './processes.ts';
import { report } from './report.ts';
import { taskCommands } from './tasks.ts';
import { webhookCommands } from './webhooks.ts';

const HELP = `
Run it as "npm run trunkline -- <command>" ("npm run -s …" when a machine reads the JSON), from the folder of the project.
The commands work beside a running "npm start", when nothing runs, and with DATABASE_URL and ENCRYPTION_KEY on any database.
Settings come from the environment: see README.md.`;

/** Runs the command that the arguments name, and ends the process with its exit code. */
export async function runProgram(): Promise<never> {
  const program = new Command('trunkline')
    .description('The Postgres-native backbone between lead, call and follow-up.')
    .showHelpAfterError('(--help shows how it is used)')
    .helpCommand(false)
    .addHelpText('after', HELP);
  processCommands(program);
  organizationCommands(program);
  keyCommands(program);
  databaseLoginCommands(program);
  leadCommands(program);
  webhookCommands(program);
  connectorCommands(program);
  messageCommands(program);
  taskCommands(program);
  auditCommands(program);
  openApiCommand(program);
  demoCommand(program);

  // a reader that has enough ("… | head") is no error
  process.stdout.on('error', () => process.exit());
  await program.parseAsync().catch(report);
  await new Promise((resolve) => process.stdout.write('', resolve)); // a pipe takes its time
  // what is still open (an idle connection, a timer) keeps nobody waiting
  process.exit();
}
