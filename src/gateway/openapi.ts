import type { Contract } from '../contracts/contract.ts';
import { errorResponses } from './openapi/errors.ts';
import { documentWebhooks } from './openapi/events.ts';
import { requestHeaders, responseHeaders } from './openapi/headers.ts';
import { documentPaths } from './openapi/operations.ts';
import { createSchemas } from './openapi/schemas.ts';
import type { OpenApiDocument } from './openapi/types.ts';

/** Version of the API that the contracts document; the software has its own. */
const API_VERSION = '1.0.0';

const cache = new Map<string, OpenApiDocument>();

/**
 * The OpenAPI 3.1 document of a contract, derived from its route table, its operations' inputs and its outputs. Nothing in it
 * is written by hand that the gateway itself decides. `url` is how the outside reaches the gateway.
 */
export function openApiDocument(contract: Contract, { url }: { url: string }): OpenApiDocument {
  const server = `${url}${contract.basePath}`;
  const key = `${contract.name} ${server}`;
  let document = cache.get(key);
  if (!document) {
    document = build(contract, server);
    cache.set(key, document);
  }
  return document;
}

function build(contract: Contract, server: string): OpenApiDocument {
  const schemas = createSchemas();
  const paths = documentPaths(contract, schemas);
  const webhooks = documentWebhooks(contract, schemas);
  const responses = errorResponses(contract, schemas.of(contract.errorSchema, 'output'));
  return {
    openapi: '3.1.1',
    info: {
      title: contract.title,
      version: API_VERSION,
      description: contract.description,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: server, description: 'This gateway' }],
    tags: contract.tags,
    security: [{ bearer: [] }],
    paths,
    webhooks,
    components: {
      schemas: schemas.components,
      responses,
      headers: responseHeaders(contract),
      parameters: requestHeaders,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: securityText(contract) } },
    },
  };
}

const securityText = (contract: Contract): string =>
  [
    `An API key: \`Authorization: Bearer <key>\`. ${contract.reach} It has scopes; each operation names the one it needs (\`x-required-scope\`):`,
    '',
    ...Object.entries(contract.scopes).map(([name, allows]) => `- \`${name}\`: ${allows}`),
  ].join('\n');
