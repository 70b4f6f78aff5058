import type { ConnectorIo } from '../connector.ts';
import { type CrmLead, mapped, numberOf, splitName, unlessMissing } from '../crm.ts';
import { ConnectorFailure } from '../failure.ts';
import { contactBy, createObject, type HubSpotObject, searchContacts, updateContact } from './api.ts';
import type { Config } from './manifest.ts';

// A lead as a contact: what is sent, and which contact is the lead's.

function propertiesOf(lead: CrmLead, config: Config): Record<string, unknown> {
  const { first, last } = splitName(lead.name);
  return {
    ...(first && { firstname: first }),
    ...(last && { lastname: last }),
    ...(lead.email && { email: lead.email }),
    ...(lead.phone && { phone: lead.phone }),
    ...(lead.company && { company: lead.company }),
    ...(lead.job_title && { jobtitle: lead.job_title }),
    ...mapped(config.field_mapping, lead),
    ...(config.reference_property && { [config.reference_property]: lead.id }),
  };
}

/** Brings the lead's contact up to date, or makes it. */
export async function pushContact(
  lead: CrmLead,
  known: string | undefined,
  config: Config,
  io: ConnectorIo,
): Promise<HubSpotObject> {
  const properties = propertiesOf(lead, config);
  if (known !== undefined) {
    // one that was deleted there is looked for and made anew
    const updated = await unlessMissing(updateContact(known, properties, config, io));
    if (updated) return updated;
  }
  const there = await findContact(lead, config, io);
  if (there) return updateContact(there.id, properties, config, io);
  const contact = {
    properties: {
      ...config.initial_properties,
      ...(isUnknowable(lead, config) && { message: messageOf(lead) }),
      ...properties,
    },
  };
  try {
    return await createObject('contacts', contact, config, io);
  } catch (failure) {
    // there was one with its email address or reference after all: HubSpot says which
    if (!(failure instanceof ConnectorFailure) || failure.status !== 409 || !/^\d+$/.test(String(failure.code))) {
      throw failure;
    }
    return updateContact(String(failure.code), properties, config, io);
  }
}

async function findContact(lead: CrmLead, config: Config, io: ConnectorIo): Promise<HubSpotObject | undefined> {
  const { reference_property: reference } = config;
  const referred = reference ? await contactBy(reference, lead.id, config, io) : undefined;
  if (referred) return referred;
  if (lead.email) return contactBy('email', lead.email, config, io);
  const phone = numberOf(lead);
  if (phone) return (await searchContacts('phone', phone, config, io))[0];
  return isUnknowable(lead, config) ? (await searchContacts('message', messageOf(lead), config, io))[0] : undefined;
}

/** A lead that has nothing by which HubSpot would know it again: people share names. Its contact says whose it is. */
const isUnknowable = (lead: CrmLead, { reference_property: reference }: Config): boolean =>
  !lead.email && !numberOf(lead) && !reference;

const messageOf = ({ id }: CrmLead): string => `Lead ${id}`;
