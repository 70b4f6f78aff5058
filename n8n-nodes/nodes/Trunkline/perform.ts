import { createHash } from 'node:crypto';
import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import type { Endpoint } from './endpoint';
import { notPushed } from './errors';
import { listOf } from './list';
import { ask, entries, type Request, send } from './request';
import { pick, simplified } from './simplify';
import { fieldValues } from './values';

/** Asked for again they do nothing twice, and may succeed where they failed: no answer of before is wanted. */
const REPEATABLE = ['pushToCrm'];

/** Runs one operation for one item. Throws NodeApiError and NodeOperationError. */
export async function perform(
  context: IExecuteFunctions,
  { resource, operation, endpoint }: { resource: string; operation: string; endpoint: Endpoint },
  item: number,
): Promise<INodeExecutionData[]> {
  const path = endpoint.path.replaceAll(/\{(\w+)\}/g, (_match, name: string) =>
    encodeURIComponent(idOf(context, name === 'id' ? `${resource}Id` : name, item)),
  );
  const values = fieldValues(endpoint, given(context, endpoint, item), {
    node: context.getNode(),
    item,
    timezone: context.getTimezone(),
  });
  if (endpoint.csv) return [await file(context, path, { query: values, fields: endpoint.fields, item })];
  const records = await recordsOf(context, operation, endpoint, path, values, item);
  const shape = shapeOf(context, `${resource}.${operation}`, item);
  return records.map((record) => ({ json: shape(record), pairedItem: { item } }));
}

/** Which fields come out. `output` is there where the node is the tool of an agent, `simplify` elsewhere. */
function shapeOf(context: IExecuteFunctions, name: string, item: number): (record: IDataObject) => IDataObject {
  const simple = simplified[name];
  const whole = (record: IDataObject): IDataObject => record;
  if (!simple) return whole;
  const output = context.getNodeParameter('output', item, '') as string;
  if (output === 'selected') {
    const fields = listOf(context.getNodeParameter('outputFields', item, []));
    return (record) => pick(record, ['id', ...fields]);
  }
  const isSimple = output ? output === 'simplified' : context.getNodeParameter('simplify', item, true);
  return isSimple ? simple : whole;
}

const idOf = (context: IExecuteFunctions, name: string, item: number): string =>
  String(context.getNodeParameter(name, item, '', { extractValue: true })).trim();

const given = (context: IExecuteFunctions, { upfront, collection }: Endpoint, item: number): IDataObject => ({
  ...Object.fromEntries(upfront.map((name) => [name, context.getNodeParameter(name, item) as IDataObject[string]])),
  ...(collection && (context.getNodeParameter(collection, item, {}) as IDataObject)),
});

async function recordsOf(
  context: IExecuteFunctions,
  operation: string,
  endpoint: Endpoint,
  path: string,
  values: IDataObject,
  item: number,
): Promise<IDataObject[]> {
  const { method, fields } = endpoint;
  const request: Request = { item, fields, ...(method === 'GET' ? { query: values } : { body: values }) };
  if (endpoint.paged || operation.startsWith('getAll')) {
    const all = context.getNodeParameter('returnAll', item) as boolean;
    const limit = all ? Number.POSITIVE_INFINITY : (context.getNodeParameter('limit', item) as number);
    if (endpoint.paged) return entries(context, path, limit, request);
    const { data } = await ask(context, method, path, request);
    return (data as IDataObject[]).slice(0, limit);
  }
  const headers =
    method === 'POST' && !REPEATABLE.includes(operation)
      ? { 'Idempotency-Key': attemptOf(context, path, values, item) }
      : undefined;
  const answer = await ask(context, method, path, { ...request, headers });
  const { status, last_error } = (answer.crm_sync ?? {}) as IDataObject;
  if (operation === 'pushToCrm' && status === 'failed') throw notPushed(context, String(last_error), item);
  return [operation === 'delete' ? { deleted: true } : answer];
}

/**
 * Names a change by the run that makes it, so that a node that retries on failure does not make it twice when the first answer got
 * lost.
 */
function attemptOf(context: IExecuteFunctions, path: string, values: IDataObject, item: number): string {
  const run = context.getWorkflowDataProxy(item).$runIndex as number;
  const name = [
    context.getWorkflow().id,
    context.getExecutionId(),
    context.getNode().id,
    run,
    item,
    path,
    JSON.stringify(values),
  ];
  return `n8n-${createHash('sha256').update(name.join('\n')).digest('hex').slice(0, 40)}`;
}

async function file(
  context: IExecuteFunctions,
  path: string,
  request: Request & { item: number },
): Promise<INodeExecutionData> {
  const { item } = request;
  const field = context.getNodeParameter('binaryPropertyName', item) as string;
  const name = context.getNodeParameter('fileName', item, '') as string;
  const { body } = await send(context, 'GET', path, { ...request, file: true });
  const content = Buffer.from(body as unknown as ArrayBuffer);
  const data = await context.helpers.prepareBinaryData(content, name || 'audit-log.csv', 'text/csv');
  // lines end in a CSV file as rows do, but for those within quotes
  const rows = Math.max(
    0,
    content
      .toString('utf8')
      .replaceAll(/"[^"]*"/g, '')
      .split('\n')
      .filter(Boolean).length - 1,
  );
  return {
    json: { file_name: data.fileName, bytes: content.length, rows },
    binary: { [field]: data },
    pairedItem: { item },
  };
}
