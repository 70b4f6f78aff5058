import { plain, storable } from './storable.ts';

// What a connector makes of an outside service's data: columns of app.leads. It is made to fit before it is inserted, because a
// lead with a cut-off name is worth more than none.

export interface LeadDraft {
  /** where it came from, the same for every lead of a connector */
  source: string;
  /** its id there: of those with the same, one lead is made */
  external_id?: string;
  name?: string;
  email?: string;
  phone?: string;
  company?: string;
  handle?: string;
  job_title?: string;
  source_url?: string;
  target_type?: string;
  context?: Record<string, unknown>;
  tags?: string[];
  notes?: string;
}

/** Columns that an answer of a form can be mapped to. */
export const CONTACT_COLUMNS = ['name', 'email', 'phone', 'company', 'job_title', 'notes'] as const;
export type ContactColumn = (typeof CONTACT_COLUMNS)[number];

const LONGEST: Partial<Record<keyof LeadDraft, number>> = {
  name: 200,
  company: 200,
  handle: 200,
  job_title: 200,
  source_url: 2048,
  notes: 10_000,
};
// U+0085 is white space to PostgreSQL, and not to JavaScript. The dot is the first that can be it: an expression that tries every dot
// takes the square of the length.
const EMAIL = /^[^\s\u0085@]+@[^\s\u0085@][^\s\u0085@.]*\.[^\s\u0085@]+$/;

export const isEmail = (text: string): boolean => text.length <= 254 && EMAIL.test(text);
/** PostgreSQL counts an emoji once, JavaScript twice. */
export const isPhone = (text: string): boolean => text.length <= 40 && [...text].length >= 3 && /\d/.test(text);

/** The draft with nothing in it that a column refuses. What does not fit is left out of its column; `context` has it as given. */
export function fitDraft(draft: LeadDraft): LeadDraft {
  const { source, external_id, tags, context, ...columns } = draft;
  const given = Object.entries(columns).filter(([, value]) => value !== undefined);
  const texts = given.map(([column, value]) => {
    const text = plain(value as string)
      .trim()
      .slice(0, LONGEST[column as keyof LeadDraft] ?? 500);
    const fits = column === 'email' ? isEmail(text) : column === 'phone' ? isPhone(text) : text !== '';
    return [column, fits ? plain(text) : undefined] as const;
  });
  return {
    ...Object.fromEntries(texts.filter(([, text]) => text !== undefined)),
    source,
    ...(external_id !== undefined && { external_id: plain(external_id).slice(0, 255) }),
    ...(tags && { tags: tags.slice(0, 100).map((tag) => plain(tag)) }),
    ...(context && { context: storable(context) as Record<string, unknown> }),
  };
}

/** Whether the draft says who it is, which every lead must. */
export const isIdentifiable = ({ name, email, phone, company, handle }: LeadDraft): boolean =>
  [name, email, phone, company, handle].some((value) => value !== undefined && value.trim() !== '');
