import { StartupError } from '../../startup-error.ts';

/** What a column can be besides a field of a lead: part of the name, or kept in the lead's context. */
export type Target = string;

/** What the columns of a file are, and under which names they are kept when they are nothing else. */
export interface Mapping {
  /** for each column its field, 'context', or null: left out */
  targets: (Target | null)[];
  /** for each column its header */
  labels: string[];
}

/** Fields a column can be, and what else people call them. Headers are compared without case, spaces and punctuation. */
const SYNONYMS: Record<Target, string> = {
  name: 'full name, contact, contact name, display name, customer name, lead name',
  first_name: 'given name, forename',
  last_name: 'surname, family name',
  company: 'company name, organization, organisation, business, business name, account name, employer',
  email: 'email address, mail, work email, primary email, contact email, email 1, email 1 value',
  phone:
    'phone number, telephone, telephone number, tel, mobile, mobile phone, mobile number, cell, cell phone, primary phone, work phone, phone 1, phone 1 value',
  handle: 'username, user name, account handle',
  job_title: 'title, position, role',
  source: 'lead source, origin',
  source_url: 'website, website url, web site, url, link, web, homepage, page',
  target_type: '',
  context: '',
  pipeline_stage: 'status, stage, lead status, lead stage',
  lead_score: 'score',
  tags: 'tag, labels, label',
  notes: 'note, comments, comment, remarks, description',
  industry: 'sector, vertical, line of business',
  company_size: 'employees, number of employees, headcount',
  pain_points: 'challenges',
  timeline: 'time frame',
  budget_range: 'budget',
  linkedin_url: 'linkedin, linkedin profile',
  twitter_url: 'twitter, twitter profile',
  facebook_url: 'facebook, facebook profile',
  external_id: 'external reference, external key, source id',
};

/** One of these says who a lead is. */
const IDENTIFYING = ['name', 'first_name', 'last_name', 'company', 'email', 'phone', 'handle', 'external_id'];

/** What an export of AI93 tells besides, and nobody but the platform itself can say. */
const EXPORTED =
  /^(id|businessId|createdAt|handedOffAt|handoffDestination|handoffMetadata|replyCount|lastReplyAt|updatedAt|enrichment\..+)$/;

/** What the file of rejected rows adds: it can be mended and imported as it is. */
export const REJECT_COLUMNS = ['line', 'field', 'reason'] as const;

const keyOf = (header: string): string =>
  header
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');

/** Columns of a file without those that an earlier import added to it. */
export const ownColumns = (header: readonly string[]): number => {
  const own = header.length - REJECT_COLUMNS.length;
  return own > 0 && REJECT_COLUMNS.every((name, index) => header[own + index] === name) ? own : header.length;
};

/** Says what each column is: as --map has it, else by its header. What is unknown is kept in the context. */
export function mapColumns(header: readonly string[], maps: readonly string[]): Mapping {
  const labels = header.map((text, index) => text.trim() || `column ${index + 1}`);
  const own = ownColumns(header);
  if (labels.some((label) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(label))) {
    throw new StartupError('The first row of the file must name its columns, and this one holds an email address.');
  }
  refuseTwins(labels.slice(0, own), (label) => label, 'rename one of them in the file');

  const exported = ['businessId', 'displayName', 'context.other'].every((name) => labels.includes(name));
  const targets: (Target | null | undefined)[] = labels.map((label, index) =>
    index >= own || (exported && EXPORTED.test(label)) ? null : undefined,
  );
  for (const map of maps) {
    const { column, target } = parseMap(map, labels);
    if (target !== null && target !== 'context' && targets.includes(target)) {
      throw new StartupError(`--map: two columns cannot both be ${target}.`);
    }
    targets[column] = target;
  }
  refuseTwins(
    labels.filter((_, index) => targets[index] === undefined),
    keyOf,
    'say which counts, and leave the other out with --map "COLUMN="',
  );

  // a header that is the field's own name comes before one that only means it, then the leftmost
  for (const means of [keyOf, meaningOf]) {
    labels.forEach((label, index) => {
      const found = Object.keys(SYNONYMS).find((target) => means(label) === keyOf(target));
      if (targets[index] === undefined && found && !targets.includes(found)) targets[index] = found;
    });
  }
  const mapping = { labels, targets: targets.map((target) => (target === undefined ? 'context' : target)) };
  if (!mapping.targets.some((target) => target !== null && IDENTIFYING.includes(target))) {
    throw new StartupError(
      `No column says who a lead is (${IDENTIFYING.join(', ')}). The columns are ${labels.join(', ')}: say what they are with --map "COLUMN=field".`,
    );
  }
  return mapping;
}

const MEANINGS = new Map(
  Object.entries(SYNONYMS).flatMap(([target, words]) => words.split(', ').map((word) => [keyOf(word), keyOf(target)])),
);
const meaningOf = (label: string): string | undefined => MEANINGS.get(keyOf(label));

function parseMap(map: string, labels: readonly string[]): { column: number; target: Target | null } {
  const at = map.lastIndexOf('=');
  if (at < 1)
    throw new StartupError(`--map "${map}": it must be "CSV column=field", or "CSV column=" to leave it out.`);
  const [name, target] = [map.slice(0, at).trim(), map.slice(at + 1).trim()];
  const exact = labels.indexOf(name);
  const column = exact >= 0 ? exact : labels.findIndex((label) => keyOf(label) === keyOf(name));
  if (column < 0) {
    throw new StartupError(`--map "${map}": the file has no column "${name}"; it has ${labels.join(', ')}.`);
  }
  if (target !== '' && !Object.hasOwn(SYNONYMS, target)) {
    throw new StartupError(`--map "${map}": "${target}" is no field; there are ${Object.keys(SYNONYMS).join(', ')}.`);
  }
  return { column, target: target || null };
}

function refuseTwins(labels: readonly string[], key: (label: string) => string, mend: string): void {
  const seen = new Map<string, string>();
  for (const label of labels) {
    const twin = seen.get(key(label));
    if (twin !== undefined) {
      const names = twin === label ? `The column "${label}" is there twice` : `"${twin}" and "${label}" are the same`;
      throw new StartupError(`${names}: ${mend}.`);
    }
    seen.set(key(label), label);
  }
}

/** The mapping in words: "Full Name → name". */
export const describe = ({ targets, labels }: Mapping): Record<string, string | null> =>
  Object.fromEntries(labels.map((label, index) => [label, targets[index] ?? null]));
