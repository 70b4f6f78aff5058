import type pg from 'pg';
import type { ConnectorIo } from '../../../connectors/connector.ts';
import type { Crm, CrmCall, CrmLead, CrmRecord } from '../../../connectors/crm.ts';
import { ConnectorFailure } from '../../../connectors/failure.ts';
import { connectorIo } from '../../connections/io.ts';
import {
  type ConnectionRow,
  type OpenedConnection,
  openConnection,
  UnusableConnection,
} from '../../connections/opened.ts';
import { holdConnection } from './hold-connection.ts';
import type { Outcome, OutsideTask, Task, TaskTools } from './task.ts';

// Brings a lead to the CRM, and makes its dispatched calls jobs there. The subject is a row of app.crm_records.
//
//   claim (nobody else) ──► push ──► jobs ──► settle, in the transaction that settles the task
//
// Killed in between, it leaves a claim that ends by itself; the next attempt looks in the CRM before it makes anything.

/** Longer than the requests of one claim can take together, so that none of them is still on its way when the next begins. */
const LEASE_SECONDS = 180;

/** What app.claim_crm_push hands out. */
interface Claim extends ConnectionRow {
  claim: string;
  wait: number | null;
  held: number | null;
  lead: CrmLead;
  lead_due: boolean;
  external_id: string | null;
  hash: Buffer;
  jobs: { id: string; call: CrmCall }[];
  enabled: boolean;
  connection_id: string;
}

/** What the CRM took, as app.settle_crm_push records it. */
interface Done {
  pushed: { external_id: string; url: string | undefined; hash: string } | null;
  made: { id: string; external_id: string; url: string | undefined }[];
}

export const pushToCrm: OutsideTask = {
  kind: 'push_to_crm',
  async run(task, tools) {
    const { rows } = await tools.pool.query<Claim>({
      name: 'claim_crm_push',
      text: 'select * from app.claim_crm_push($1, $2, make_interval(secs => $3))',
      values: [task.organizationId, task.subjectId, LEASE_SECONDS],
    });
    const [claim] = rows;
    if (!claim) return { state: 'done' };
    if (claim.wait !== null) return { state: 'later', pause: pauseFor(claim.wait) };
    if (claim.held !== null) return { state: 'later', pause: claim.held };

    const done: Done = { pushed: null, made: [] };
    const failure = await push(claim, done, tools).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure instanceof Error && !isExpected(failure)) {
      tools.log.error({ err: failure, task: task.id }, 'a defect: a push to the CRM threw');
    }
    return { ...outcomeOf(failure), record: (client) => settle(client, task, claim, done, failure) };
  },
};

/** Whoever has begun a moment ago is mostly done in the next; whoever has not in a while was killed, and its claim will end. */
const pauseFor = (wait: number): number => (wait > LEASE_SECONDS - 30 ? 1 : Math.min(wait, 10));

async function push(claim: Claim, done: Done, tools: TaskTools): Promise<void> {
  if (!claim.enabled) throw new UnusableConnection('The connection is disabled.');
  const opened = openConnection(claim, tools.encryption);
  const crm = crmOf(opened);
  const io: ConnectorIo = connectorIo(tools.outbound, opened.secrets);
  if (claim.lead_due) {
    const contact = await crm.push(claim.lead, claim.external_id ?? undefined, opened.config, io);
    done.pushed = { ...recorded(contact), hash: claim.hash.toString('hex') };
  }
  const id = done.pushed?.external_id ?? (claim.external_id as string);
  for (const job of claim.jobs) {
    const made = await crm.createJob(job.call, { id, lead: claim.lead }, opened.config, io);
    done.made.push({ id: job.id, ...recorded(made) });
  }
}

const recorded = ({ externalId, url }: CrmRecord) => ({ external_id: externalId, url });

function crmOf({ connector }: OpenedConnection): Crm {
  if (!connector.crm) throw new UnusableConnection(`${connector.manifest.title} is no CRM.`);
  return connector.crm;
}

function outcomeOf(failure: unknown): Outcome {
  if (failure === undefined) return { state: 'done' };
  const error = sentenceOf(failure);
  if (failure instanceof UnusableConnection) return { state: 'dead', error };
  if (!(failure instanceof ConnectorFailure)) return { state: 'failed', error };
  return failure.retryable ? { state: 'failed', error, retryAfter: failure.retryAfter } : { state: 'dead', error };
}

const retryAfterOf = (failure: unknown): number | undefined =>
  failure instanceof ConnectorFailure ? failure.retryAfter : undefined;

const isExpected = (failure: unknown): failure is Error =>
  failure instanceof ConnectorFailure || failure instanceof UnusableConnection;

/** What a defect says stays in the log. */
const sentenceOf = (failure: unknown): string =>
  isExpected(failure) ? failure.message : 'Something went wrong on our side; the log says more.';

async function settle(client: pg.ClientBase, task: Task, claim: Claim, done: Done, failure: unknown): Promise<void> {
  await client.query({
    name: 'settle_crm_push',
    text: 'select app.settle_crm_push($1, $2, $3, $4, $5)',
    values: [
      task.subjectId,
      claim.claim,
      done.pushed && JSON.stringify(done.pushed),
      JSON.stringify(done.made),
      failure === undefined ? null : sentenceOf(failure),
    ],
  });
  await holdConnection(client, claim.connection_id, retryAfterOf(failure));
}
