import type { Command } from 'commander';
import { listDeliveries, recoverWebhook, retryDelivery, testWebhook } from '../domain/deliveries.ts';
import {
  createWebhook,
  createWorkspaceWebhook,
  deleteWebhook,
  listWebhooks,
  rotateWebhookSecret,
  updateWebhook,
} from '../domain/webhooks.ts';
import type { Reach } from '../operations/actor.ts';
import type { Operation } from '../operations/operation.ts';
import { contractOption } from './contract-option.ts';
import type { Tenant } from './instance.ts';
import { leaf, list, print, table, time, uuid } from './output.ts';
import { forOrganization, REACH_IN_WORDS, reachFor, tenantQuery } from './tenant-query.ts';

interface Common {
  org: string;
  contract: string;
  json?: boolean;
}

// the documents that leave webhooks to a cockpit have no shape for them: Expert AI Labs' serves
const bindingOf = ({ contract }: Common) => ({ contract, shapes: 'eal' });

/** The same operations as over HTTP, for one organization. */
const run = <Input, Local>(options: Common, operation: Operation<Input, Local>, input: object) =>
  forOrganization(options, (tenant) => tenant.run(operation, bindingOf(options), input));

const webhookLeaf = (parent: Command, name: string, summary: string): Command =>
  leaf(parent, name, summary).requiredOption('--org <id>', 'organization', uuid).addOption(contractOption());

/** How far each endpoint reaches, which the shape of Expert AI Labs does not tell. */
async function reachesOf(tenant: Tenant): Promise<Map<string, Reach>> {
  const text = 'select id, reach from app.webhook_endpoints';
  const rows = await tenantQuery<{ id: string; reach: Reach }>(tenant, { text, values: [] });
  return new Map(rows.map(({ id, reach }) => [id, reach]));
}

/** trunkline webhooks … */
export function webhookCommands(program: Command): void {
  const webhooks = program
    .command('webhooks')
    .summary('register webhooks, and send again what was not received')
    .description('Webhook endpoints of an organization: the operator’s way to what some contracts leave to a cockpit.');

  webhookLeaf(webhooks, 'create', 'register an endpoint; its signing secret is shown once')
    .requiredOption('--url <url>', 'address of the receiver')
    .requiredOption('--events <events>', 'events it gets, e.g. lead.created,lead.updated', list)
    .option('--description <text>', 'what it is for')
    .option(
      '--lock',
      'ai93: events of this organization alone; without it, a workspace’s endpoint gets those of every business of it',
    )
    .action(async (options: Common & { url: string; events: string[]; description?: string; lock?: boolean }) => {
      const { url, events, description } = options;
      const made = await forOrganization(options, async (tenant) => {
        const reach = await reachFor(tenant, options.contract, options.lock ?? false);
        const operation = reach === 'workspace' ? createWorkspaceWebhook : createWebhook;
        const input = { url, events, ...(description !== undefined && { description }) };
        const answer = await tenant.run(operation, bindingOf(options), input);
        // one that was registered already is as it was
        return { ...answer, reach: (await reachesOf(tenant)).get(answer.id) };
      });
      const words = made.signing_secret
        ? `  id              ${made.id}\n  signing secret  ${made.signing_secret}\n  events of       ${REACH_IN_WORDS[made.reach as Reach]}\n\nSave the signing secret now. It will not be shown again.`
        : `This address is registered already: ${made.id}. Nothing was changed.`;
      print(options, made, words);
    });

  webhookLeaf(webhooks, 'list', 'list the endpoints').action(async (options: Common) => {
    const data: Record<string, unknown>[] = await forOrganization(options, async (tenant) => {
      const { data } = await tenant.run(listWebhooks, bindingOf(options), {});
      const reaches = await reachesOf(tenant);
      return data.map((endpoint: { id: string }) => ({ ...endpoint, reach: reaches.get(endpoint.id) }));
    });
    const rows = data.map(({ id, url, events, reach, enabled, last_delivery_at, last_delivery_status }) => ({
      id,
      url,
      events,
      reach,
      enabled,
      last_delivery_at,
      last_delivery_status,
    }));
    print(options, data, table(rows, 'It has no webhook yet: trunkline webhooks create --org …'));
  });

  const ofEndpoint = (name: string, summary: string): Command =>
    webhookLeaf(webhooks, name, summary).requiredOption('--webhook <id>', 'endpoint, as webhooks list shows it', uuid);

  ofEndpoint('test', 'send a test event')
    .option('--event <event>', 'one that it subscribes to; without it, the first')
    .action(async (options: Common & { webhook: string; event?: string }) => {
      const { webhook: id, event } = options;
      const sent = await run(options, testWebhook, { id, ...(event !== undefined && { event }) });
      print(options, sent, `${sent.event} is sent as ${sent.event_id}.`);
    });

  ofEndpoint('rotate-secret', 'make a new signing secret; it is shown once').action(
    async (options: Common & { webhook: string }) => {
      const rotated = await run(options, rotateWebhookSecret, { id: options.webhook });
      print(options, rotated, `  signing secret  ${rotated.signing_secret}\n\n${rotated._warning}`);
    },
  );

  for (const [name, enabled, summary] of [
    ['enable', true, 'send its events again; "webhooks recover" sends what it missed'],
    ['disable', false, 'pause it; its events are kept'],
  ] as const) {
    ofEndpoint(name, summary).action(async (options: Common & { webhook: string }) => {
      print(options, await run(options, updateWebhook, { id: options.webhook, enabled }), `It is ${name}d.`);
    });
  }

  ofEndpoint('delete', 'stop sending to it; what it missed is kept for 24 hours').action(
    async (options: Common & { webhook: string }) => {
      print(options, await run(options, deleteWebhook, { id: options.webhook }), 'It is deleted.');
    },
  );

  webhookLeaf(webhooks, 'deliveries', 'list the last 100 attempts of an endpoint')
    .requiredOption('--webhook <id>', 'endpoint, as webhooks list shows it', uuid)
    .action(async (options: Common & { webhook: string }) => {
      const { data } = await run(options, listDeliveries, { id: options.webhook });
      print(options, data, table(data, 'Nothing was sent to it yet.'));
    });

  webhookLeaf(webhooks, 'retry', 'send one delivery again now')
    .requiredOption('--webhook <id>', 'endpoint, as webhooks list shows it', uuid)
    .requiredOption('--delivery <id>', 'whd_… of one of its attempts, as webhooks deliveries shows it')
    .action(async (options: Common & { webhook: string; delivery: string }) => {
      const answer = await run(options, retryDelivery, { id: options.webhook, delivery_id: options.delivery });
      print(options, answer, `${options.delivery} is sent again.`);
    });

  webhookLeaf(webhooks, 'recover', 'send again everything an endpoint did not receive since a time')
    .requiredOption('--webhook <id>', 'endpoint, as webhooks list shows it', uuid)
    .requiredOption('--since <time>', 'a time such as 2027-01-31T12:00:00Z, or how long ago: 24h', time(-1))
    .action(async (options: Common & { webhook: string; since: string }) => {
      const answer = await run(options, recoverWebhook, { id: options.webhook, since: options.since });
      print(options, answer, `${answer.recovered} deliveries are sent again.`);
    });
}
