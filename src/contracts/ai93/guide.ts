import { answerExample, errorBlocks, scopeTable } from '../../gateway/docs/blocks.ts';
import { curl, jsonBlock, plainBlock } from '../../gateway/docs/code.ts';
import type { Chapter, GuideContext } from '../../gateway/docs/guide.ts';
import { table } from '../../gateway/docs/text.ts';
import { webhookChapters } from './guide-webhooks.ts';
import { CSV_COLUMNS } from './leads-csv.ts';

/** What a newcomer reads first; every curl line in it is run by the tests. */
export const guide = (context: GuideContext): Chapter[] => [
  { title: 'Authentication', html: authentication(context) },
  { title: 'Businesses', html: businesses(context) },
  { title: 'Finding leads', html: finding(context) },
  { title: 'Leads as a spreadsheet', html: spreadsheet(context) },
  { title: 'Replies and hand-offs', html: history(context) },
  { title: 'Errors', html: errors(context) },
  { title: 'Safe repeats, caching and request ids', html: repeats(context) },
  { title: 'Rate limits', html: rateLimits(context) },
  ...webhookChapters(context),
];

const get = ({ url, key }: GuideContext, path: string, ...headers: string[]): string =>
  plainBlock(
    'Request',
    'curl',
    curl({ method: 'GET', url: url + path, headers: [`Authorization: Bearer ${key}`, ...headers] }),
  );

const authentication = (
  context: GuideContext,
): string => `<p>Send your key with every request, in the <code>Authorization</code> header. The operator makes it and gives it to you once; nobody can look it up later. Keys for tests begin with <code>ai93_test_</code> and work like the others. What a key is good for, <code>GET /health</code> says:</p>
${get(context, '/health')}
${jsonBlock('Answer', 'json', answerExample(context.document, '/health'))}
<p>A key has one or more scopes, and none of them includes another: a key that writes leads and reads them back needs both.</p>
${scopeTable(context.contract)}
<p>Expert AI Labs shares this base URL. Which API a request means is told by how its key begins, and so is the shape of its errors, those for a bad key too.</p>`;

const businesses = (
  context: GuideContext,
): string => `<p>Every lead belongs to a business. A key is made either for one business or for a workspace, which is all businesses of one owner; <code>reach</code> in the answer above says which. What <code>businessId</code> does depends on it, in filters and in the body of a new lead alike:</p>
${table(
  ['<code>businessId</code>', 'Key of one business', 'Key of a workspace'],
  [
    ['left out', 'its business', 'lists: every business; a new lead: the workspace itself'],
    ['one that the key reaches', 'its business', 'that business alone'],
    ['any other', '404', '404'],
    ['not such an id', '400', '400'],
  ],
)}
<p>A lead of a business out of reach is 404, exactly like one that does not exist: nothing tells the two apart.</p>
${get(context, `/leads?businessId=${exampleOf(context).businessId}&limit=20`)}`;

const finding = (
  context: GuideContext,
): string => `<p><a href="#leads.list">GET /leads</a> answers the newest leads first, at most 500. There is no second page: to go through more, narrow the filters, or take the <a href="#leads.export">CSV export</a>. A lead must pass every filter you give.</p>
${table(
  ['Filter', 'Leaves'],
  [
    ['<code>status</code>', 'leads that stand there now'],
    [
      '<code>source</code>, <code>target_type</code>',
      'leads from there, of that kind; see <a href="#sources.list">GET /sources</a>',
    ],
    ['<code>since</code>', 'leads that came in at that time or later; a date begins at midnight UTC'],
    ['<code>tag</code>', 'leads with this tag; <code>a,b</code>: with both'],
    [
      '<code>q</code>',
      'leads in which each word occurs: in name, handle, company, email, phone or notes. Upper and lower case and accents make no difference, nor does the way a phone number is written. A word of one or two letters must begin a word.',
    ],
  ],
)}
${get(context, '/leads?status=new&tag=basement&q=water+damage')}`;

function spreadsheet(context: GuideContext): string {
  const plain = CSV_COLUMNS.filter((name) => !name.includes('.'));
  const of = (object: string): string[] => CSV_COLUMNS.filter((name) => name.startsWith(`${object}.`));
  const chips = (names: string[]): string => names.map((name) => `<code>${name}</code>`).join(' ');
  return `<p><a href="#leads.export">GET /leads.csv</a> takes the same filters and answers UTF-8 text with one line per lead: 5,000 lines unless <code>limit</code> says otherwise, up to 25,000. Every cell that holds something is in quotes. The columns are always these, in this order:</p>
${table(
  ['Part', 'Columns'],
  [
    ['the lead', `${chips(plain)}. Tags are joined by commas; <code>handoffMetadata</code> is JSON.`],
    ['<code>context</code>', `one for each field that some source documents: ${chips(of('context'))}`],
    ['<code>enrichment</code>', chips(of('enrichment'))],
  ],
)}
<p>The two columns that end in <code>.other</code> hold, as JSON, whatever fields have no column of their own. A list or an object in a cell is JSON, too. Spreadsheets run cells that begin like a formula (<code>=</code>, <code>+</code>, <code>-</code>, <code>@</code>), so such a cell gets an apostrophe in front: a phone number comes as <code>'+15555551234</code>. Take it off again where you need the value itself.</p>
${get(context, '/leads.csv?status=converted&since=2026-01-01')}`;
}

function history(context: GuideContext): string {
  const { document, url, key } = context;
  const { id } = exampleOf(context);
  const post = (path: string): string => {
    const body = document.paths[`/leads/{id}${path}`]?.post?.requestBody?.content['application/json']?.example;
    const headers = [`Authorization: Bearer ${key}`];
    return plainBlock('Request', 'curl', curl({ method: 'POST', url: `${url}/leads/${id}${path}`, headers, body }));
  };
  return `<p>When a lead answers, <a href="#leads.replies.create">record the reply</a>. A lead that was <code>new</code> or <code>contacted</code> becomes <code>replied</code>; one that is further on stays where it is. <code>replyCount</code> and <code>lastReplyAt</code> follow.</p>
${post('/replies')}
<p>When another system takes over, <a href="#leads.handoff">hand the lead off</a>. The lead shows the last hand-off, and <a href="#leads.handoffs.list">the history</a> shows all. Saying the same destination and metadata again changes nothing and sends nothing, so a client that is unsure may repeat itself. The status stays what it is.</p>
${post('/handoff')}`;
}

const errors = ({
  contract,
}: GuideContext): string => `<p>An error is always an object of two texts: <code>error</code>, which programs compare, and <code>message</code>, which people read. The message names the field and what is wrong with it.</p>
${errorBlocks(contract, 403)}`;

const repeats = (
  context: GuideContext,
): string => `<p>When a POST brings no answer, send it again with the <code>Idempotency-Key</code> that you gave it the first time. Within 24 hours it is answered as it was, with <code>Idempotent-Replayed: true</code>, and done only once.</p>
<p>A single lead and the list of sources come with an <code>ETag</code>. Ask with <code>If-None-Match</code>, and as long as nothing changed the answer is 304 without a body:</p>
${get(context, `/leads/${exampleOf(context).id}`, 'If-None-Match: W/"Zr6wOsWqZGbXHyT_zL1dFG8FYLI"')}
<p><code>X-Request-Id</code> is on every answer. Mention it when you ask for help; if you send one, it is yours that comes back.</p>`;

const rateLimits = ({ contract: { rateLimit } }: GuideContext): string =>
  `<p>Unless the operator gave your key others: ${rateLimit.perMinute} requests a minute, and up to ${rateLimit.burst} in a single one. <code>X-RateLimit-Remaining</code>, <code>RateLimit</code> and <code>RateLimit-Policy</code> on every answer tell how many are left. When none is, the answer is 429, and <code>Retry-After</code> says for how many seconds.</p>`;

/** The lead that the reference shows. */
const exampleOf = ({ document }: GuideContext): { id: string; businessId: string } =>
  (answerExample(document, '/leads/{id}') as { lead: { id: string; businessId: string } }).lead;
