import type { Command } from 'commander';
import { withInstance } from './instance.ts';
import { asOperator, createOrganization, listOrganizations } from './operator.ts';
import { leaf, print, table, uuid } from './output.ts';

interface CreateOptions {
  name: string;
  parent?: string;
  industry?: string;
  slug?: string;
  json?: boolean;
}

/** trunkline org … */
export function organizationCommands(program: Command): void {
  const org = program
    .command('org')
    .summary('make and list organizations')
    .description('Organizations are the tenants: every row belongs to one.');

  leaf(org, 'create', 'make an organization')
    .requiredOption('--name <name>', 'display name')
    .option('--parent <id>', 'organization that stands above it, and reads its data only under a grant', uuid)
    .option('--industry <industry>', 'line of business, e.g. restoration')
    .option('--slug <slug>', 'short name for URLs and payloads; default: made from the name')
    .action(async (options: CreateOptions) => {
      const made = await withInstance(({ adminUrl }) =>
        asOperator(adminUrl, (client) => createOrganization(client, options)),
      );
      print(
        options,
        made,
        `${made.name} was made.\n\n  id    ${made.id}\n  slug  ${made.slug}\n\nA key for it: trunkline key create --org ${made.id} --contract eal --scopes read,write`,
      );
    });

  leaf(org, 'list', 'list every organization').action(async (options: { json?: boolean }) => {
    const all = await withInstance(({ adminUrl }) => asOperator(adminUrl, listOrganizations));
    const rows = all.map(({ id, name, slug, parent_organization_id: parent, created_at, business_id }) => ({
      id,
      business_id,
      name,
      slug,
      parent,
      created_at,
    }));
    print(options, all, table(rows, 'There is no organization yet: trunkline org create --name "…"'));
  });
}
