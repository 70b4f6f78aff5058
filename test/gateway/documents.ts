import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Contract, Route } from '../../src/contracts/contract.ts';
import { contracts } from '../../src/contracts/registry.ts';
import type {
  Content,
  OpenApiDocument,
  OperationObject,
  Parameter,
  Response,
} from '../../src/gateway/openapi/types.ts';
import { openApiDocument } from '../../src/gateway/openapi.ts';

// The OpenAPI documents as the tests read them, each with a validator of what it promises.

export const JSON_TYPE = 'application/json';
export const jsonOf = (content: Content | undefined) => content?.[JSON_TYPE];
export const responseOf = (operation: OperationObject, status: number | string): Response =>
  operation.responses[String(status)] as Response;

export interface Documented {
  route: Route;
  operation: OperationObject;
  /** where the operation stands in the document */
  pointer: string[];
}

export interface ReadDocument {
  contract: Contract;
  document: OpenApiDocument;
  /** every operation, by its id */
  named: [string, Documented][];
  operation(id: string): Documented;
  parametersOf(operation: OperationObject): Parameter[];
  /** what a value has against the schema at a pointer into the document */
  faults(pointer: string[], value: unknown): unknown[];
}

function read(contract: Contract): ReadDocument {
  const document = openApiDocument(contract, { url: 'https://trunkline.test' });
  // OpenAPI 3.1 schemas are JSON Schema 2020-12, so a plain validator reads them where they stand
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (formats as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema(document, 'doc');
  const named = contract.routes.map((route): [string, Documented] => {
    const pointer = ['paths', route.path, route.method.toLowerCase()];
    const operation = document.paths[route.path]?.[route.method.toLowerCase()] as OperationObject;
    return [operation.operationId, { route, operation, pointer }];
  });
  return {
    contract,
    document,
    named,
    operation: (id) => new Map(named).get(id) as Documented,
    parametersOf: (operation) =>
      operation.parameters.map((one) =>
        '$ref' in one ? (document.components.parameters[one.$ref.split('/').at(-1) ?? ''] as Parameter) : one,
      ),
    faults(pointer, value) {
      const path = pointer
        .map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1')))
        .join('/');
      const validate = ajv.getSchema(`doc#/${path}`);
      if (!validate) throw new Error(`no schema at ${path}`);
      return validate(value) ? [] : (validate.errors ?? []);
    },
  };
}

export const documents: [string, ReadDocument][] = contracts.map((contract) => [contract.name, read(contract)]);
export const documentOf = (name: string): ReadDocument => new Map(documents).get(name) as ReadDocument;
