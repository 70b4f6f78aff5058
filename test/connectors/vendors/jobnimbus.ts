import { expect } from 'vitest';
import type { Answer, ReceivedRequest } from '../../support/receiver.ts';
import type { ConformanceCase } from '../case.ts';
import { json } from '../http-service.ts';
import { CALL, LEAD } from './crm.ts';

// JobNimbus' wire format.

const SETTINGS = {
  workflows: [
    {
      id: 1,
      object_type: 'contact',
      name: 'Customer',
      is_active: true,
      status: [
        { id: 1, name: 'Lead' },
        { id: 2, name: 'Won' },
      ],
    },
    { id: 2, object_type: 'job', name: 'Job', is_active: true, status: [{ id: 1, name: 'Lead' }] },
    { id: 3, object_type: 'contact', name: 'Supplier', is_active: false, status: [] },
  ],
};

interface Stored {
  jnid: string;
  [field: string]: unknown;
}

/** An account that keeps what it is given, and finds it by the terms of a filter. */
export function jobNimbusAccount() {
  const kept: Record<'contacts' | 'jobs', Stored[]> = { contacts: [], jobs: [] };
  const answer = ({ method, path, rawBody }: ReceivedRequest): Answer => {
    const { pathname, searchParams } = new URL(path, 'http://jobnimbus');
    const [, kind, id] = /\/(contacts|jobs)(?:\/([^/]+))?$/.exec(pathname) ?? [];
    if (kind !== 'contacts' && kind !== 'jobs') return json(SETTINGS);
    const body = rawBody.length > 0 ? JSON.parse(rawBody.toString('utf8')) : undefined;
    if (method === 'POST') {
      const made = { jnid: `jn_${kind}_${kept[kind].length + 1}`, ...body };
      kept[kind].push(made);
      return json(made);
    }
    if (method === 'PUT') {
      const changed = kept[kind].find(({ jnid }) => jnid === id);
      return changed ? json(Object.assign(changed, body)) : json({ message: 'Contact not found' }, 404);
    }
    const fields = searchParams.get('fields')?.split(',');
    const found = kept[kind].filter((one) => holds(one, searchParams.get('filter'))).toReversed();
    const results = found
      .slice(0, Number(searchParams.get('size') ?? 1000))
      .map((one) => Object.fromEntries(Object.entries(one).filter(([name]) => fields?.includes(name) ?? true)));
    return json({ count: found.length, results });
  };
  return { ...kept, answer };
}

function holds(record: Stored, filter: string | null): boolean {
  const terms = filter ? JSON.parse(filter).must.map(({ term }: { term: object }) => Object.entries(term)[0]) : [];
  return terms.every(([field, value]: [string, unknown]) => {
    const [outer = '', inner] = field.split('.');
    const found = inner ? (record[outer] as Record<string, unknown> | undefined)?.[inner] : record[outer];
    return found === value;
  });
}

const bodyOf = (request: ReceivedRequest) => JSON.parse(request.rawBody.toString('utf8'));

export const jobNimbus: ConformanceCase = {
  settings: (url) => ({
    api_url: url,
    source_name: 'Trunkline',
    field_mapping: { city: 'context.city', 'Lead tags': 'tags' },
  }),
  secrets: { api_key: 'jilqy9efy8jk79v9' },
  // each time anew: an account in which there is nothing yet
  service: (request: ReceivedRequest) => jobNimbusAccount().answer(request),
  refusal: {
    answer: json({ message: 'Invalid api key jilqy9efy8jk79v9' }, 401),
    reason: /Invalid api key \[redacted\]/,
  },
  acts: {
    'crm.push': {
      act: async ({ crm }, config, io) => crm?.push(LEAD, undefined, config as never, io),
      answer: {
        externalId: 'jn_contacts_1',
        url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/contact\/jn_contacts_1$/),
      },
      sent([_newest, search, create]) {
        const { searchParams } = new URL(search.path, 'http://jobnimbus');
        expect(JSON.parse(searchParams.get('filter') ?? '')).toEqual({
          must: [{ term: { mobile_phone: '4045550142' } }],
        });
        expect(create).toMatchObject({ method: 'POST', headers: { authorization: 'Bearer jilqy9efy8jk79v9' } });
        expect(bodyOf(create)).toEqual({
          first_name: 'Sarah Jane',
          last_name: 'Mitchell',
          company: 'Mitchell Roofing',
          mobile_phone: '4045550142',
          record_type_name: 'Customer',
          status_name: 'Lead',
          source_name: 'Trunkline',
          city: 'Marietta',
          'Lead tags': 'urgent, basement',
          description: `A pipe burst\nLead ${LEAD.id}`,
        });
      },
    },
    'crm.createJob': {
      act: async ({ crm }, config, io) => crm?.createJob(CALL, { id: 'jn_1', lead: LEAD }, config as never, io),
      answer: { externalId: 'jn_jobs_1', url: expect.stringMatching(/\/job\/jn_jobs_1$/) },
      sent([, create]) {
        expect(bodyOf(create)).toMatchObject({
          name: 'Water damage: Sarah Jane Mitchell',
          record_type_name: 'Job',
          status_name: 'Lead',
          primary: { id: 'jn_1' },
          city: 'Marietta',
          state_text: 'GA',
          zip: '30060',
          description: expect.stringMatching(/^Urgency: high\n.*\ncall_01kq80hkgefv3tkwx5rvce9wd2$/s),
        });
      },
    },
  },
};
