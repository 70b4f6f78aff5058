import type { IDataObject, ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';
import { ask, entries } from './request';

// Choices that Trunkline knows better than this package: it may have more of them tomorrow.

interface Document {
  components: { schemas: Record<string, { properties: Record<string, { enum?: string[] }> }> };
  webhooks: Record<string, { post: { description: string } }>;
}

const document = async (context: ILoadOptionsFunctions): Promise<Document> =>
  (await ask(context, 'GET', '/openapi.json')) as unknown as Document;

/** lead.created → Lead Created */
const title = (value: string): string =>
  value
    .split(/[._]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ');

/** Stages of the pipeline, in its order. */
export async function getStages(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
  const { components } = await document(this);
  const stages = components.schemas.LeadSummary?.properties.pipeline_stage?.enum ?? [];
  return stages.map((value) => ({ name: title(value), value }));
}

/** Events that can be subscribed to. */
export async function getEvents(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
  const { webhooks } = await document(this);
  return Object.entries(webhooks)
    .map(([value, { post }]) => ({ name: title(value), value, description: post.description }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** Sources that leads have. */
export async function getSources(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
  const { data } = await ask(this, 'GET', '/leads/sources');
  return (data as IDataObject[]).map(({ source }) => ({ name: source as string, value: source as string }));
}

/** Children of the organization, as a parent's key sees them. */
export async function getChildOrganizations(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
  const children = await entries(this, '/organizations', 1000);
  return children.map(({ id, name }) => ({ name: name as string, value: id as string }));
}
