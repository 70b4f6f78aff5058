import type { ConnectorIo } from '../connector.ts';
import { type CrmLead, mapped, numberOf, splitName } from '../crm.ts';
import { type Found, newest, searchContacts } from './api.ts';
import type { Config } from './manifest.ts';

// A lead as a contact: what is sent, and which contact is the lead's.

/** The fields that follow a lead when it changes. What is not known of it is left as it is there. */
export function fieldsOf(lead: CrmLead, config: Config): Record<string, unknown> {
  const { first, last } = splitName(lead.name);
  const phone = numberOf(lead);
  return {
    ...(first && { first_name: first }),
    ...(last && { last_name: last }),
    ...(lead.company && { company: lead.company }),
    ...(lead.email && { email: lead.email }),
    ...(phone && { mobile_phone: localPhone(phone) }),
    ...mapped(config.field_mapping, lead),
  };
}

/** A contact that is made: the last line of its description says which lead it is. */
export const newContact = (lead: CrmLead, config: Config): Record<string, unknown> => {
  const fields = fieldsOf(lead, config);
  const named = ['first_name', 'last_name', 'display_name', 'company'].some((field) => fields[field] !== undefined);
  return {
    // it takes no contact without a name
    ...(!named && { display_name: lead.handle ?? lead.email ?? lead.phone ?? 'Lead' }),
    record_type_name: config.contact_type,
    status_name: config.contact_status,
    ...(config.source_name && { source_name: config.source_name }),
    description: [fields.description, lead.pain_points, lead.notes, reference(lead)].filter(Boolean).join('\n'),
    ...withoutDescription(fields),
  };
};

const withoutDescription = ({ description: _, ...fields }: Record<string, unknown>) => fields;

const reference = ({ id }: CrmLead): string => `Lead ${id}`;

/**
 * The contact that is this lead: one of the newest that says so, as an earlier push may have made it that nobody heard the end of;
 * else one with its email address, else one with its number. Names are shared, and tell nothing.
 */
export async function findContact(lead: CrmLead, config: Config, io: ConnectorIo): Promise<Found | undefined> {
  const own = (await newest('contacts', config, io)).find((one) => one.description?.includes(reference(lead)));
  if (own) return own;
  if (lead.email) {
    const email = lead.email.toLowerCase();
    const contacts = await searchContacts('email', lead.email, config, io);
    const found = contacts.find((one) => one.email?.toLowerCase() === email);
    if (found) return found;
  }
  const number = numberOf(lead);
  if (number === undefined) return undefined;
  const phone = localPhone(number);
  const contacts = await searchContacts('mobile_phone', phone, config, io);
  return contacts.find((one) => localPhone(one.mobile_phone ?? '') === phone);
}

/** A number as JobNimbus keeps it: its digits, without the country code of its own country. */
function localPhone(phone: string): string {
  const digits = phone.replace(/\D/g, '');
  return digits.length === 11 && digits.startsWith('1') ? digits.slice(1) : digits;
}
