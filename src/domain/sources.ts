import { z } from 'zod';

// Where leads come from: the six sources of the AI93 document, each with what it tells about a lead (its enrichment fields, the
// lead's `context`) and the kinds of target it finds. The document names the sources and asks for both; the fields are ours.

/** Kinds of target. */
export const TARGET_TYPES = ['customer_lead', 'realtor', 'local_business'] as const;
export type TargetType = (typeof TARGET_TYPES)[number];

export interface LeadSource {
  id: string;
  name: string;
  description: string;
  /** the first is what a lead gets that names none */
  targetTypes: readonly [TargetType, ...TargetType[]];
  /** fields of `context`; others may come along, these have their types */
  context: z.ZodObject;
}

const text = (description: string, max = 2000) =>
  z.string('must be a string').max(max, `must have at most ${max} characters`).meta({ description }).nullish();
const url = (description: string) =>
  z
    .string('must be a string')
    .max(2048, 'must have at most 2048 characters')
    // in the schema, an expression has no flag that lets case go; and no format: most addresses of places are written with letters that
    // a URI has only escaped
    .regex(/^[hH][tT][tT][pP][sS]?:\/\/\S+$/, 'must be a web address')
    .meta({ description })
    .nullish();
const number = (description: string, min?: number, max?: number) => {
  let schema = z.number('must be a number');
  if (min !== undefined) schema = schema.min(min, `must be at least ${min}`);
  if (max !== undefined) schema = schema.max(max, `must be at most ${max}`);
  return schema.meta({ description }).nullish();
};
const count = (description: string) =>
  z.int('must be a whole number').min(0, 'must not be negative').meta({ description }).nullish();
const time = (description: string) =>
  z.iso.datetime({ offset: true, error: 'must be an ISO 8601 timestamp' }).meta({ description }).nullish();
const list = (description: string) =>
  z
    .array(z.string('must be a string').max(200, 'must have at most 200 characters'), 'must be a list of texts')
    .max(100, 'must hold at most 100')
    .meta({ description })
    .nullish();
const answers = (description: string) =>
  z.record(z.string(), z.unknown(), 'must be an object').meta({ description }).nullish();

export const SOURCES: readonly LeadSource[] = [
  {
    id: 'reddit',
    name: 'Reddit',
    description: 'Posts and comments of people who describe a problem that the business solves.',
    targetTypes: ['customer_lead'],
    context: z.looseObject({
      subreddit: text('Subreddit, without r/.', 100),
      title: text('Title of the post.', 500),
      url: url('The post.'),
      author: text('Account name, without u/.', 100),
      postId: text('Id of the post.', 50),
      excerpt: text('What was written.', 10_000),
      upvotes: number('Upvotes when it was found.'),
      comments: count('Comments when it was found.'),
      postedAt: time('When it was posted.'),
      matchedKeywords: list('Keywords that found it.'),
    }),
  },
  {
    id: 'realtor_ca',
    name: 'REALTOR.ca',
    description: 'Listings and the agents behind them.',
    targetTypes: ['realtor', 'customer_lead'],
    context: z.looseObject({
      url: url('The listing, or the agent’s page.'),
      mlsNumber: text('MLS number of the listing.', 50),
      agentName: text('Agent.', 200),
      brokerage: text('Brokerage of the agent.', 200),
      address: text('Street address of the listing.', 300),
      city: text('City.', 100),
      province: text('Province, e.g. ON.', 50),
      postalCode: text('Postal code.', 20),
      price: number('Asking price in Canadian dollars.', 0),
      bedrooms: count('Bedrooms.'),
      bathrooms: count('Bathrooms.'),
      propertyType: text('House, condo ….', 100),
      listedAt: time('When it was listed.'),
    }),
  },
  {
    id: 'google_maps',
    name: 'Google Maps',
    description: 'Businesses at a place or in an area.',
    targetTypes: ['local_business'],
    context: z.looseObject({
      url: url('The place on Google Maps.'),
      placeId: text('Id of the place.', 300),
      category: text('What kind of business.', 200),
      address: text('Postal address.', 300),
      city: text('City.', 100),
      website: url('Website of the business.'),
      rating: number('Average rating, 0 to 5.', 0, 5),
      reviewCount: count('Number of reviews.'),
      latitude: number('Degrees north.', -90, 90),
      longitude: number('Degrees east.', -180, 180),
    }),
  },
  {
    id: 'public_tool',
    name: 'Public tool',
    description: 'Forms and tools on public websites: a quote calculator, a contact form.',
    targetTypes: ['customer_lead'],
    context: z.looseObject({
      url: url('Page the form is on.'),
      tool: text('Name of the form or tool.', 200),
      referrer: text('Page the visitor came from.', 2048),
      message: text('What the visitor wrote.', 10_000),
      fields: answers('Every other field of the form.'),
      utmSource: text('Campaign source.', 200),
      utmMedium: text('Campaign medium.', 200),
      utmCampaign: text('Campaign name.', 200),
    }),
  },
  {
    id: 'facebook_lead_ad',
    name: 'Facebook lead ad',
    description: 'Instant forms of Facebook and Instagram ads.',
    targetTypes: ['customer_lead'],
    context: z.looseObject({
      leadgenId: text('Id of the lead at Meta.', 50),
      formId: text('Id of the form.', 50),
      adId: text('Id of the ad.', 50),
      campaignId: text('Id of the campaign.', 50),
      pageId: text('Id of the page.', 50),
      createdTime: text('When the form was sent.', 50),
      answers: answers('Every answer, by the name of its question.'),
    }),
  },
  {
    id: 'manual',
    name: 'Manual',
    description: 'Entered by a person, or by a client of the API.',
    targetTypes: ['customer_lead', 'realtor', 'local_business'],
    context: z.looseObject({
      url: url('Website of the lead.'),
      enteredBy: text('Who entered it.', 200),
      referredBy: text('Who told of it.', 200),
    }),
  },
];

export const SOURCE_IDS: readonly string[] = SOURCES.map((source) => source.id);

export const sourceNamed = (id: string): LeadSource | undefined => SOURCES.find((source) => source.id === id);

/** JSON Schema (2020-12) of a source's enrichment fields, from the schema that validates them. */
export const enrichmentSchema = (source: LeadSource): object => z.toJSONSchema(source.context, { io: 'input' });

/** Every field name of `context` that some source defines, each once, in the order of the sources. */
export const CONTEXT_FIELDS: readonly string[] = [
  ...new Set(SOURCES.flatMap((source) => Object.keys(source.context.shape))),
];
