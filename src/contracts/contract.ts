import type { z } from 'zod';
import type { AppError } from '../errors.ts';
import type { Chapter, GuideContext } from '../gateway/docs/guide.ts';
import type { ExportOperation, Operation } from '../operations/operation.ts';
import type { ContractName } from '../security/api-key.ts';

// biome-ignore lint/suspicious/noExplicitAny: a table of operations of every input
export type AnyOperation = Operation<any, any> | ExportOperation<any>;

/** One line of a contract: where an operation is found, and how its answer is documented. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** below the contract's base path, parameters in braces: /leads/{id} */
  path: string;
  operation: AnyOperation;
  /** status of success; 200 unless given */
  status?: number;
  /** group in the reference */
  tag: string;
  /** the answer, for OpenAPI and the contract tests; absent for streams */
  output?: z.ZodType;
  /** example of the request body and of the answer, as the document prints them; `csv` is the answer of an export */
  example?: { request?: object; response?: object; query?: Record<string, string>; csv?: string };
  /** the answer changes only with its resource: send an ETag and honour If-None-Match */
  single?: boolean;
  /** parameters that are in the query although it is no GET: they name the resource, as the path does */
  inQuery?: readonly string[];
  /** 404 although there is no id in the path: a filter or a field names something that may be out of reach */
  refers?: boolean;
  /** 409 although it is no POST */
  conflicts?: boolean;
  /** 200 with what is there already, in place of the status of success */
  existing?: { description: string; output: z.ZodType; example: object };
}

export interface RateLimit {
  /** requests a minute, sustained */
  perMinute: number;
  /** requests in any one minute, at most */
  burst: number;
}

/** An event that webhook endpoints can subscribe to, for OpenAPI and the reference. */
export interface EventDocument {
  name: string;
  description: string;
  body: z.ZodType;
  /** body of a delivery */
  example: object;
}

/** What a contract sends to webhook endpoints: its events, and the headers of a delivery of one. */
export interface DeliveryDocument {
  /** group in the reference */
  tag: string;
  events: EventDocument[];
  headers(event: EventDocument): { name: string; description: string; example: string }[];
  /** 410 disables the endpoint (sql/42_sending.sql); otherwise it is a failure like any other */
  gone: boolean;
}

/** What an error means under a contract, and one that a client can get. */
export interface ErrorWords {
  description?: string;
  example?: AppError;
}

/** A documented HTTP contract over the one core: everything in which it differs from the others. */
export interface Contract {
  name: ContractName;
  title: string;
  description: string;
  basePath: string;
  routes: Route[];
  tags: { name: string; description: string }[];
  /** scopes that keys of the contract can have, each with what it allows */
  scopes: Record<string, string>;
  /** whose rows a key reaches, in a sentence */
  reach: string;
  /** canonical scopes of a key's scopes */
  canonicalScopes(granted: readonly string[]): string[];
  rateLimit: RateLimit;
  /** an error as the document prints it */
  errorBody(error: AppError): object;
  errorSchema: z.ZodType;
  /** by status, where the contract's errors are not as the gateway words them for every contract */
  errorWords: Record<number, ErrorWords>;
  deliveries: DeliveryDocument;
  /** what a newcomer reads before the reference, in the contract's own words */
  guide(context: GuideContext): Chapter[];
}
