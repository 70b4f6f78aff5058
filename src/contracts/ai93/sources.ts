import { z } from 'zod';
import { statement } from '../../database/page.ts';
import { enrichmentSchema, SOURCES } from '../../domain/sources.ts';
import { operation } from '../../operations/operation.ts';

/** What GET /sources answers: the same for everybody. */
export const documentedSources = {
  sources: SOURCES.map((source) => ({
    id: source.id,
    name: source.name,
    description: source.description,
    targetTypes: source.targetTypes,
    enrichmentSchema: enrichmentSchema(source),
  })),
  count: SOURCES.length,
};
const BODY = JSON.stringify(documentedSources);

export const listSources = operation({
  id: 'sources.list',
  summary: 'List lead sources',
  description:
    'The supported sources, each with the JSON Schema of its enrichment fields (the lead’s `context`) and the target types it finds.',
  scope: 'sources.read',
  kind: 'read',
  input: z.strictObject({}),
  statement: () => statement`select ${BODY}::text as body`,
});
