import { connector, type HookRequest, type Received } from '../connector.ts';
import { contextOf } from './context.ts';
import { type Form, type FormValue, readForm } from './form.ts';
import { anonymous, contactOf } from './lead.ts';
import { type Config, manifest } from './manifest.ts';

export const publicTool = connector(manifest, {
  hook: {
    kind: 'direct',
    origins: (config) => config.allowed_origins.map(asBrowsersWriteIt),
    limits: (config) => ({ perAddress: config.per_address_limit, inAll: config.per_form_limit }),
    maxSize: (config) => config.max_size,
    receive,
  },
});

/** In lower case, without the usual port, a name with other letters as it is in the DNS. */
const asBrowsersWriteIt = (origin: string): string => URL.parse(origin)?.origin ?? origin;

async function receive(
  request: HookRequest,
  config: Config,
  connection: { name: string; now: Date },
): Promise<Received> {
  const form = await readForm(request);
  const thanks = { redirect: config.success_url, message: config.success_message };
  if (isFilled(take(form, config.honeypot_field))) return { leads: [], ...thanks };

  const formSeconds = secondsSince(take(form, config.shown_at_field), connection.now);
  const page = take(form, config.page_field);
  const { columns, rest, errors } = contactOf(form, config.field_mapping);
  const wrong = {
    ...anonymous(columns),
    ...missing(form, config),
    ...(config.min_seconds > 0 && hurried(formSeconds, config)),
    ...errors,
  };
  if (Object.keys(wrong).length > 0) return { errors: wrong };

  const tool = config.tool ?? connection.name;
  const context = contextOf({ tool, page, headers: request.headers, message: columns.notes, formSeconds, rest });
  const lead = { source: 'public_tool', ...columns, source_url: context.url, tags: config.tags, context };
  return { leads: [lead], ...thanks };
}

/** Takes a field that is about the form out of it. */
function take(form: Form, name: string): FormValue | undefined {
  const value = form.get(name);
  form.delete(name);
  return value;
}

const isFilled = (value: FormValue | undefined): boolean =>
  value !== undefined && value !== null && value !== false && String(value).trim() !== '';
const isTicked = (value: FormValue | undefined): boolean =>
  isFilled(value) && !['false', 'off', 'no', '0'].includes(String(value).trim().toLowerCase());

function missing(form: Form, { required_fields: required, consent_field: consent }: Config): Record<string, string> {
  const empty = required.filter((name) => !isFilled(form.get(name))).map((name) => [name, 'is required']);
  const refused = consent !== undefined && !isTicked(form.get(consent)) ? [[consent, 'must be agreed to']] : [];
  return Object.fromEntries([...empty, ...refused]);
}

const A_DAY_IN_SECONDS = 86_400;

/** Seconds between the time the form was shown and now, where it tells a time that can be: a clock may be wrong, or a machine lie. */
function secondsSince(shownAt: FormValue | undefined, now: Date): number | undefined {
  const at = typeof shownAt === 'string' && shownAt.trim() !== '' ? Number(shownAt) : shownAt;
  if (typeof at !== 'number' || !Number.isFinite(at)) return undefined;
  const seconds = Math.round((now.getTime() - at) / 100) / 10;
  return seconds >= 0 && seconds <= A_DAY_IN_SECONDS ? seconds : undefined;
}

/** People take a while to fill a form in. Told to whoever was too quick: it may be a person whose browser did it. */
function hurried(seconds: number | undefined, config: Config): Record<string, string> {
  const field = config.shown_at_field;
  if (seconds === undefined) return { [field]: 'must hold the time the form was shown, in milliseconds' };
  return seconds >= config.min_seconds
    ? {}
    : { [field]: 'shows that the form was sent too quickly; wait a moment and send it again' };
}
