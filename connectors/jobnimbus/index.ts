import { connector } from '../connector.ts';
import { jobDescription, jobName, recordOf, unlessMissing } from '../crm.ts';
import { ConnectorFailure } from '../failure.ts';
import { create, fetchWorkflows, newest, update } from './api.ts';
import { fieldsOf, findContact, newContact } from './contact.ts';
import { type Config, manifest } from './manifest.ts';

export const jobNimbus = connector(manifest, {
  async test(config, io) {
    const workflows = await fetchWorkflows(config, io);
    for (const [type, name, status] of [
      ['contact', config.contact_type, config.contact_status],
      ['job', config.job_type, config.job_status],
    ] as const) {
      const own = workflows.filter((one) => one.object_type === type);
      const workflow = own.find((one) => one.name === name);
      if (!workflow) throw unknown(`workflow of ${type}s`, name, own);
      if (!workflow.status.some((one) => one.name === status))
        throw unknown(`status of ${name}`, status, workflow.status);
    }
    return `Contacts are made as ${config.contact_type}, ${config.contact_status}; jobs as ${config.job_type}, ${config.job_status}.`;
  },

  crm: {
    async push(lead, known, config, io) {
      if (known !== undefined) {
        // one that was deleted there is looked for and made anew
        const id = await unlessMissing(update(known, fieldsOf(lead, config), config, io));
        if (id !== undefined) return recordOf(id, page('contact', id, config));
      }
      const there = await findContact(lead, config, io);
      const id = there
        ? await update(there.jnid, fieldsOf(lead, config), config, io)
        : await create('contacts', newContact(lead, config), config, io);
      return recordOf(id, page('contact', id, config));
    },

    async createJob(call, contact, config, io) {
      const jobs = await newest('jobs', config, io);
      const there = jobs.find(({ description }) => description?.includes(call.id));
      const id = there?.jnid ?? (await create('jobs', newJob(call, contact, config), config, io));
      return recordOf(id, page('job', id, config));
    },
  },
});

const newJob = (
  call: Parameters<typeof jobDescription>[0],
  { id, lead }: { id: string; lead: Parameters<typeof jobName>[1] },
  config: Config,
): object => ({
  name: jobName(call, lead),
  record_type_name: config.job_type,
  status_name: config.job_status,
  primary: { id },
  description: jobDescription(call),
  ...(call.city && { city: call.city }),
  ...(call.state && { state_text: call.state }),
  ...(call.postal_code && { zip: call.postal_code }),
});

const page = (kind: 'contact' | 'job', id: string, { api_url }: Config): string =>
  `${new URL(api_url).origin}/${kind}/${encodeURIComponent(id)}`;

function unknown(what: string, name: string, there: readonly { name: string }[]): ConnectorFailure {
  const names = there.map((one) => one.name).join(', ');
  return new ConnectorFailure('refused', `JobNimbus has no ${what} ${name}; it has ${names || 'none'}.`);
}
