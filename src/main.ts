import { Command } from 'commander';
import { auditCommands } from './cli/audit.ts';
import { databaseLoginCommands } from './cli/database-logins.ts';
import { keyCommands } from './cli/keys.ts';
import { organizationCommands } from './cli/organizations.ts';
import { processCommands } from './cli/processes.ts';
import { reportAndExit } from './cli/report.ts';
import { webhookCommands } from './cli/webhooks.ts';

const program = new Command('trunkline')
  .description('The Postgres-native backbone between lead, call and follow-up.')
  .showHelpAfterError('(--help shows how it is used)')
  .helpCommand(false);

processCommands(program);
organizationCommands(program);
keyCommands(program);
databaseLoginCommands(program);
webhookCommands(program);
auditCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  reportAndExit(error);
}
// what is still open (an idle connection, a timer) keeps nobody waiting
process.exit();
