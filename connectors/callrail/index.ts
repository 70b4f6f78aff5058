import { connector } from '../connector.ts';
import { isHmac } from '../signature.ts';
import { fetchAccount, fetchCalls, fetchCompany, fetchRecording } from './api.ts';
import { callOf } from './call.ts';
import { manifest } from './manifest.ts';
import { fieldsOf, isCall, isOfCompany } from './payload.ts';

const HOUR = 3600;

export const callRail = connector(manifest, {
  async test(config, io) {
    const { name, id } = await fetchAccount(config, io);
    const account = `The key opens the account ${name} (${id})`;
    if (config.company_id === undefined) return `${account}; calls of all of its companies are taken.`;
    const company = await fetchCompany(config.company_id, config, io);
    return `${account}; calls of the company ${company.name} (${company.id}) are taken.`;
  },

  hook: {
    kind: 'stored',
    keepHeaders: ['content-type', 'user-agent', 'signature'],

    verify: ({ headers, rawBody }, config) =>
      isHmac(headers.signature ?? '', rawBody, config.signing_key, { algorithm: 'sha1', encoding: 'base64' }),

    async process(receipt, { company_id: company }) {
      const nothing = { leads: [], failures: [] };
      const fields = fieldsOf(receipt);
      if (!isCall(fields)) return { ...nothing, remark: 'It tells of no call: a text message or a form, perhaps.' };
      if (!isOfCompany(fields, company)) {
        return { ...nothing, remark: 'It tells of a call of another company than company_id.' };
      }
      return { ...nothing, calls: [callOf(fields, receipt.receivedAt, false)] };
    },
  },

  calls: {
    // CallRail allows 1,000 requests an hour and 10,000 a day for all that an account does; this is 150, and 3,600, while there is much
    // to catch up with, and a few pages each quarter of an hour otherwise.
    schedule: (config) => ({
      every: config.poll_minutes * 60,
      overlap: config.overlap_hours * HOUR,
      lookBack: config.look_back_days * 24 * HOUR,
      pages: 5,
      rest: 120,
    }),

    async poll({ since, cursor, now }, config, io) {
      const { calls, next } = await fetchCalls(since, cursor, config, io);
      return { calls: calls.filter(isCall).map((fields) => callOf(fields, now, true)), next };
    },
  },

  locateRecording: async (url, config, io) => ({ url: await fetchRecording(url, config, io) }),
});
