import { connector, type Processed } from '../connector.ts';
import { ConnectorFailure } from '../failure.ts';
import { CONTACT_COLUMNS } from '../lead-draft.ts';
import type { Manifest } from '../manifest.ts';
import { isHmac, sameText } from '../signature.ts';
import { fetchLead, fetchPage, type GraphAccess } from './graph.ts';
import { type Announced, leadOf } from './lead.ts';
import { announcedIn } from './payload.ts';

const manifest = {
  vendor: 'meta-lead-ads',
  title: 'Meta Lead Ads (Facebook, Instagram)',
  description: 'Leads from instant forms of Facebook and Instagram ads, as they are sent in.',
  setup: [
    'In the Meta app, add the product Webhooks, choose the object Page, and enter the hook address and the verify token.',
    'Subscribe to the field leadgen, and subscribe the page to the app (`POST /{page}/subscribed_apps` with `subscribed_fields=leadgen`).',
    'Make a page access token that does not expire, with leads_retrieval, pages_manage_metadata, pages_show_list and pages_read_engagement (ads_management too, for names of ads and campaigns).',
  ],
  fields: [
    {
      name: 'verify_token',
      label: 'Verify token',
      help: 'Any text; the same is entered beside the hook address in the Meta app.',
      kind: 'text',
      secret: true,
      required: true,
    },
    {
      name: 'app_secret',
      label: 'App secret',
      help: 'App settings, Basic. What Meta sends is signed with it.',
      kind: 'text',
      secret: true,
      required: true,
    },
    {
      name: 'page_access_token',
      label: 'Page access token',
      help: 'Reads the answers of a lead.',
      kind: 'text',
      secret: true,
      required: true,
    },
    {
      name: 'page_ids',
      label: 'Pages',
      help: 'Ids of the pages whose leads are taken; without any, those of all that the app is subscribed to.',
      kind: 'list',
      default: [],
      pattern: { expression: /^\d{1,30}$/, reason: 'must be numbers of pages' },
    },
    {
      name: 'field_mapping',
      label: 'Mapping of questions',
      help: `Name of a question to ${CONTACT_COLUMNS.join(', ')}; standard questions are known.`,
      kind: 'map',
      default: {},
      values: CONTACT_COLUMNS,
    },
    {
      name: 'api_url',
      label: 'Graph API',
      help: 'With its version.',
      kind: 'endpoint',
      default: 'https://graph.facebook.com/v24.0',
    },
  ],
} as const satisfies Manifest;

export const metaLeadAds = connector(manifest, {
  async test(config, io) {
    const page = await fetchPage(config, io);
    if (config.page_ids.length > 0 && !config.page_ids.includes(page.id)) {
      throw new ConnectorFailure(
        'refused',
        `The token is for the page ${page.name} (${page.id}), which is not among page_ids.`,
      );
    }
    return `The token is for the page ${page.name} (${page.id}).`;
  },

  hook: {
    kind: 'stored',
    keepHeaders: ['content-type', 'user-agent', 'x-hub-signature-256'],

    handshake(query, config) {
      const challenge = query.get('hub.challenge') ?? '';
      const known = sameText(query.get('hub.verify_token') ?? '', config.verify_token);
      return known && query.get('hub.mode') === 'subscribe' && challenge.length <= 500 ? challenge : undefined;
    },

    verify({ headers, rawBody }, config) {
      const [, given] = /^sha256=([0-9a-f]{64})$/.exec(headers['x-hub-signature-256'] ?? '') ?? [];
      return isHmac(given ?? '', rawBody, config.app_secret, { algorithm: 'sha256', encoding: 'hex' });
    },

    process: async (receipt, config, io) =>
      processed(announcedIn(receipt), config, (announced) => fetchLead(announced.leadgenId, config, io)),
  },
});

interface Chosen extends GraphAccess {
  page_ids: string[];
  field_mapping: Record<string, string>;
}

async function processed(
  { announced, failures }: { announced: Announced[]; failures: ConnectorFailure[] },
  { page_ids: pages, field_mapping: mapping }: Chosen,
  fetched: (one: Announced) => ReturnType<typeof fetchLead>,
): Promise<Processed> {
  const outcome: Processed = { leads: [], failures };
  const ours = announced.filter(({ pageId }) => pages.length === 0 || (pageId !== undefined && pages.includes(pageId)));
  for (const one of ours) {
    try {
      outcome.leads.push(leadOf(await fetched(one), one, mapping));
    } catch (failure) {
      if (!(failure instanceof ConnectorFailure)) throw failure;
      outcome.failures.push(failure);
      // the others are asked for with the next attempt
      if (answersNobody(failure)) break;
    }
  }
  return outcome;
}

/** Whether the others would only wait for the same time-out, or be refused too; else it may be this one lead that it cannot tell. */
const answersNobody = ({ kind, status, retryAfter }: ConnectorFailure): boolean =>
  kind === 'rate_limited' || retryAfter !== undefined || (kind === 'unavailable' && status === undefined);
