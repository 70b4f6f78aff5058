import { type Command, InvalidArgumentError } from 'commander';
import { withInstance } from './instance.ts';
import { asOperator, sealAudit, type Verification, verifyAudit } from './operator.ts';
import { leaf, print } from './output.ts';

/** trunkline audit … */
export function auditCommands(program: Command): void {
  const audit = program
    .command('audit')
    .summary('prove that the audit log is as it was written')
    .description(
      'The audit log. Every closed hour is sealed with a hash of its entries, chained to the seal before it.',
    );

  leaf(
    audit,
    'verify',
    'compare every seal with the entries as they are now; exit code 1 when something was tampered with',
  )
    .option('--head <hex>', 'a head noted earlier: it must still be part of the chain', seal)
    .action(async (options: { head?: string; json?: boolean }) => {
      const result = await withInstance(({ adminUrl }) =>
        asOperator(adminUrl, (client) => verifyAudit(client, options.head)),
      );
      print(options, { ok: result.problems.length === 0, ...result, head: result.head ?? null }, inWords(result));
      if (result.problems.length > 0) process.exitCode = 1;
    });

  leaf(audit, 'seal', 'seal the hours that have ended (the worker does it every hour)').action(
    async (options: { json?: boolean }) => {
      const sealed = await withInstance(({ adminUrl }) => sealAudit(adminUrl));
      print(options, { sealed }, sealed === 0 ? 'There was nothing to seal.' : `Sealed ${count(sealed, 'hour')}.`);
    },
  );
}

function seal(text: string): string {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new InvalidArgumentError('It must be 64 hexadecimal digits.');
  return text;
}

const count = (number: number, thing: string): string =>
  `${number.toLocaleString('en')} ${thing}${number === 1 ? '' : 's'}`;

/** The result of a verification, for people. */
export function inWords({ head, problems }: Verification): string {
  const covered = head
    ? [
        `${count(head.hours, 'sealed hour')}, ${head.entries.toLocaleString('en')} ${head.entries === 1 ? 'entry' : 'entries'}, the newest of ${head.hour.toISOString()}.`,
        `head  ${head.seal}`,
        'Note the head somewhere outside of this database: audit verify --head … proves later that the chain was not rewritten.',
      ]
    : ['No hour is sealed yet: an hour is sealed when it is over.'];
  if (problems.length === 0) return ['The audit log is as it was sealed.', ...covered].join('\n');
  const found = problems.map(({ hour, problem }) => `  ${hour?.toISOString() ?? '(whole chain)'}  ${problem}`);
  return [`TAMPERED: ${count(problems.length, 'problem')} found.`, ...found, ...covered].join('\n');
}
