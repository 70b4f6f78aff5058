import {
  CONTACT_COLUMNS,
  type ContactColumn,
  isEmail,
  isIdentifiable,
  isPhone,
  type LeadDraft,
} from '../lead-draft.ts';
import type { Form, FormValue } from './form.ts';

// From a form's fields to a lead. Field names are whatever the site's form builder made of them.

/** Names as they are compared: your-email, YourEmail and your_email are one. */
const plainName = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

const KNOWN: Record<ContactColumn, string[]> = {
  name: ['name', 'fullname', 'yourname', 'contactname', 'customername'],
  email: ['email', 'emailaddress', 'youremail', 'mail', 'contactemail'],
  phone: ['phone', 'phonenumber', 'yourphone', 'telephone', 'tel', 'mobile', 'mobilephone', 'cell', 'cellphone'],
  company: ['company', 'companyname', 'yourcompany', 'organization', 'organisation', 'business', 'businessname'],
  job_title: ['jobtitle', 'position', 'role'],
  notes: ['message', 'yourmessage', 'comments', 'comment', 'notes', 'description', 'details', 'howcanwehelp'],
};
const COLUMN_OF = new Map(
  Object.entries(KNOWN).flatMap(([column, names]) => names.map((name) => [name, column as ContactColumn] as const)),
);
const FIRST_NAME = ['firstname', 'givenname', 'fname'];
const LAST_NAME = ['lastname', 'surname', 'familyname', 'lname'];

const LONGEST: Record<ContactColumn, number> = {
  name: 200,
  email: 254,
  phone: 40,
  company: 200,
  job_title: 200,
  notes: 10_000,
};

export interface Contact {
  columns: Partial<Record<ContactColumn, string>>;
  /** fields that are no contact data, as they were sent */
  rest: Record<string, FormValue>;
  /** field: reason */
  errors: Record<string, string>;
}

/** Sorts a form's fields into columns and the rest, and says what is wrong with those that are columns. */
export function contactOf(form: Form, mapping: Record<string, string>): Contact {
  const contact: Contact = { columns: {}, rest: {}, errors: {} };
  const parts: { part: 'first' | 'last'; field: string; text: string }[] = [];
  const rest: [string, FormValue][] = [];
  // a field that is mapped comes before one whose name only looks like the column
  const fields = [...form].toSorted(([a], [b]) => Number(b in mapping) - Number(a in mapping));
  for (const [name, value] of fields) {
    const text = textOf(value);
    const column = columnOf(name, mapping);
    if (text === undefined) rest.push([name, value]);
    else if (column && contact.columns[column] === undefined) {
      const reason = text === '' ? undefined : wrong(column, text);
      if (reason) contact.errors[name] = reason;
      else if (text !== '') contact.columns[column] = text;
    } else if (FIRST_NAME.includes(plainName(name))) parts.push({ part: 'first', field: name, text });
    else if (LAST_NAME.includes(plainName(name))) parts.push({ part: 'last', field: name, text });
    else rest.push([name, value]);
  }
  const partOf = (part: string): string | undefined => parts.findLast((one) => one.part === part)?.text;
  const whole = [partOf('first'), partOf('last')].filter(Boolean).join(' ').slice(0, LONGEST.name);
  if (contact.columns.name === undefined && whole !== '') contact.columns.name = whole;
  // beside a whole name, parts are kept as what they are: on many forms the field "name" is the first of two
  else rest.push(...parts.filter(({ text }) => text !== '').map(({ field, text }): [string, string] => [field, text]));
  contact.rest = Object.fromEntries(rest);
  return contact;
}

/** Says which field misses what would make it somebody's. */
export const anonymous = (columns: Contact['columns']): Record<string, string> =>
  isIdentifiable({ source: '', ...columns } satisfies LeadDraft)
    ? {}
    : { email: 'is required, or a name or a phone number' };

function columnOf(name: string, mapping: Record<string, string>): ContactColumn | undefined {
  const mapped = Object.hasOwn(mapping, name) ? mapping[name] : undefined;
  return CONTACT_COLUMNS.find((column) => column === mapped) ?? COLUMN_OF.get(plainName(name));
}

/** A value that is one text, or undefined. */
const textOf = (value: FormValue): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value).replaceAll('\0', '').trim() : undefined;

function wrong(column: ContactColumn, text: string): string | undefined {
  if (column === 'email' && !isEmail(text)) return 'must be an email address';
  if (column === 'phone' && !isPhone(text)) return 'must be a phone number';
  return text.length > LONGEST[column] ? `must have at most ${LONGEST[column]} characters` : undefined;
}
