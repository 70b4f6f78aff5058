import { connector } from '../connector.ts';
import { jobDescription, jobName, recordOf } from '../crm.ts';
import { createObject, dealsOf, listContacts } from './api.ts';
import { pushContact } from './contact.ts';
import { manifest } from './manifest.ts';

/** The association of a deal with a contact, as HubSpot defines it. */
const OF_CONTACT = [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 3 }];

export const hubSpot = connector(manifest, {
  async test(config, io) {
    await listContacts(config, io);
    return 'The token reads contacts.';
  },

  crm: {
    async push(lead, known, config, io) {
      const { id, url } = await pushContact(lead, known, config, io);
      return recordOf(id, url);
    },

    async createJob(call, contact, config, io) {
      const deals = await dealsOf(contact.id, config, io);
      const there = deals.find(({ properties }) => properties.description?.includes(call.id));
      if (there) return recordOf(there.id, there.url);
      const deal = {
        properties: {
          dealname: jobName(call, contact.lead),
          pipeline: config.pipeline,
          dealstage: config.deal_stage,
          description: jobDescription(call),
        },
        associations: [{ to: { id: contact.id }, types: OF_CONTACT }],
      };
      const { id, url } = await createObject('deals', deal, config, io);
      return recordOf(id, url);
    },
  },
});
