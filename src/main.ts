import { Command } from 'commander';
import { auditCommands } from './cli/audit.ts';
import { databaseLoginCommands } from './cli/database-logins.ts';
import { demoCommand } from './cli/demo.ts';
import { keyCommands } from './cli/keys.ts';
import { openApiCommand } from './cli/openapi.ts';
import { organizationCommands } from './cli/organizations.ts';
import { processCommands } from './cli/processes.ts';
import { reportAndExit } from './cli/report.ts';
import { webhookCommands } from './cli/webhooks.ts';

const program = new Command('trunkline')
  .description('The Postgres-native backbone between lead, call and follow-up.')
  .showHelpAfterError('(--help shows how it is used)')
  .helpCommand(false)
  .addHelpText(
    'after',
    `
Run it as "npm run trunkline -- <command>" ("npm run -s …" when a machine reads the JSON), from the folder of the project.
The commands work beside a running "npm start", when nothing runs, and with DATABASE_URL and ENCRYPTION_KEY on any database.
Settings come from the environment: see README.md.`,
  );

processCommands(program);
organizationCommands(program);
keyCommands(program);
databaseLoginCommands(program);
webhookCommands(program);
auditCommands(program);
openApiCommand(program);
demoCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  reportAndExit(error);
}
// what is still open (an idle connection, a timer) keeps nobody waiting
process.exit();
