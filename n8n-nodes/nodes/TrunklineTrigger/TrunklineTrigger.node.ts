import {
  type IHookFunctions,
  type INodeType,
  type INodeTypeDescription,
  type IWebhookFunctions,
  type IWebhookResponseData,
  NodeConnectionTypes,
} from 'n8n-workflow';
import { trunklineApiTest } from '../Trunkline/credentialTest';
import { getEvents, getSources, getStages } from '../Trunkline/loadOptions';
import { type Filters, flattened, isWanted, readEvent } from './event';
import { intents } from './generated/choices';
import { keep } from './keep';
import { note, recall, remember } from './memory';
import { addressOf, adopt, explained, isEarly, listen, register, remove, renew, storedOf } from './registration';
import { verify } from './signature';
import { isUnderWay, take } from './taking';

export class TrunklineTrigger implements INodeType {
  description: INodeTypeDescription = {
    displayName: 'Trunkline Trigger',
    name: 'trunklineTrigger',
    icon: { light: 'file:../../icons/trunkline.svg', dark: 'file:../../icons/trunkline.dark.svg' },
    group: ['trigger'],
    version: 1,
    subtitle: '={{ ($parameter["events"] || []).join(", ") }}',
    description: 'Starts the workflow when something happens to a lead or a call in Trunkline',
    defaults: { name: 'Trunkline Trigger' },
    inputs: [],
    outputs: [NodeConnectionTypes.Main],
    credentials: [{ name: 'trunklineApi', required: true, testedBy: 'trunklineApiTest' }],
    webhooks: [
      {
        name: 'default',
        httpMethod: 'POST',
        responseMode: 'onReceived',
        responseData: 'noData',
        path: 'webhook',
      },
    ],
    properties: [
      {
        displayName: 'Event Names or IDs',
        name: 'events',
        type: 'multiOptions',
        typeOptions: { loadOptionsMethod: 'getEvents' },
        default: ['lead.created'],
        required: true,
        description:
          'The events to start on. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
      },
      {
        displayName: 'Filters',
        name: 'filters',
        type: 'collection',
        placeholder: 'Add Filter',
        default: {},
        options: [
          {
            displayName: 'Intents',
            name: 'intent',
            type: 'multiOptions',
            options: intents,
            default: [],
            description: 'Only calls that were about one of these',
          },
          {
            displayName: 'Minimum Score',
            name: 'lead_score',
            type: 'number',
            typeOptions: { minValue: 0, maxValue: 100 },
            default: 50,
            description:
              'Only leads with this score or a higher one. A new lead mostly gets its score a moment after it came in: choose Lead Updated to hear of that.',
          },
          {
            displayName: 'Source Names or IDs',
            name: 'source',
            type: 'multiOptions',
            typeOptions: { loadOptionsMethod: 'getSources' },
            default: [],
            description:
              'Only leads from one of these. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
          },
          {
            displayName: 'Stage Names or IDs',
            name: 'pipeline_stage',
            type: 'multiOptions',
            typeOptions: { loadOptionsMethod: 'getStages' },
            default: [],
            description:
              'Only leads in one of these stages. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
          },
        ],
      },
      {
        displayName: 'Options',
        name: 'options',
        type: 'collection',
        placeholder: 'Add Option',
        default: {},
        options: [
          {
            displayName: 'Include Raw Event',
            name: 'includeRaw',
            type: 'boolean',
            default: false,
            description: 'Whether to return the event as it was sent, too, in the field raw',
          },
          {
            displayName: 'Send Sample When Testing',
            name: 'sendSample',
            type: 'boolean',
            default: true,
            description:
              'Whether Trunkline sends an event of the first chosen kind, with your newest record, as soon as you listen for a test event. Turn it off to wait for a real one.',
          },
        ],
      },
    ],
  };

  methods = {
    credentialTest: { trunklineApiTest },
    loadOptions: { getEvents, getSources, getStages },
  };

  webhookMethods = {
    default: {
      async checkExists(this: IHookFunctions): Promise<boolean> {
        return await explained(this, async () => await adopt(this));
      },
      async create(this: IHookFunctions): Promise<boolean> {
        await explained(this, async () => await register(this));
        const { sendSample: wanted = true } = this.getNodeParameter('options', {}) as { sendSample?: boolean };
        if (this.getMode() === 'manual') await listen(this, wanted);
        return true;
      },
      async delete(this: IHookFunctions): Promise<boolean> {
        await explained(this, async () => await remove(this));
        return true;
      },
    },
  };

  async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
    const { rawBody: body } = this.getRequestObject() as { rawBody?: Buffer };
    const header = this.getHeaderData()['x-eal-signature'];
    const url = addressOf(this);
    if (this.getMode() === 'manual' && isEarly(url)) {
      this.getResponseObject().status(503).set('Retry-After', '1').json({ error: 'Not listening yet.' });
      return { noWebhookResponse: true };
    }
    const stored = storedOf(this);
    const registration = recall(url, stored);
    const verdict = verify(
      typeof header === 'string' ? header : undefined,
      body,
      registration.secrets.map(({ secret }) => secret),
    );
    if (verdict.foreign) await renew(this, registration, verdict.valid);
    const event = verdict.valid && body ? readEvent(body) : undefined;
    if (!event) {
      // Trunkline sends it again, when the signature is one that this node knows by then
      const status = verdict.valid ? 400 : 401;
      this.getResponseObject()
        .status(status)
        .json({ error: verdict.reason ?? 'The body is no event.' });
      return { noWebhookResponse: true };
    }
    const known = recall(url, stored);
    const isTest = this.getMode() === 'manual';
    const isSeen = known.seen.includes(event.id);
    // somebody who listens for a test event wants to see one
    const starts = !isSeen && (isTest || isWanted(event, this.getNodeParameter('filters', {}) as Filters));
    if (starts && !isTest) {
      if (isUnderWay(url, event.id)) {
        this.getResponseObject().status(503).set('Retry-After', '1').json({ error: 'The event is under way.' });
        return { noWebhookResponse: true };
      }
      take(this, url, event.id, () => {
        const latest = recall(url, {});
        note(latest, event.id);
        remember(url, {}, latest);
        keep(this, url, () => recall(url, {}));
      });
      remember(url, {}, known);
    } else {
      note(known, event.id);
      // n8n stores it for what starts nothing
      remember(url, stored, known);
    }
    if (!starts) return {};
    const { includeRaw = false } = this.getNodeParameter('options', {}) as { includeRaw?: boolean };
    return { workflowData: [[{ json: flattened(event, includeRaw) }]] };
  }
}
