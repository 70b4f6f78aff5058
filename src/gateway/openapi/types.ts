// The part of OpenAPI 3.1 that we write, and that the reference page reads.

export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  format?: string;
  pattern?: string;
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  additionalProperties?: JsonSchema | boolean;
  [keyword: string]: unknown;
}

export interface Ref {
  $ref: string;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description?: string;
  schema: JsonSchema;
  example?: unknown;
}

export interface Content {
  [mediaType: string]: { schema: JsonSchema; example?: unknown };
}

export interface Response {
  description: string;
  headers?: Record<string, Ref>;
  content?: Content;
}

export interface RequestBody {
  required: boolean;
  content: Content;
}

export interface OperationObject {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  /** the contract's scope that the key must have; absent: any key */
  'x-required-scope'?: string;
  security?: Record<string, string[]>[];
  parameters: (Parameter | Ref)[];
  requestBody?: RequestBody;
  responses: Record<string, Response | Ref>;
}

export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string; description: string; license: { name: string; identifier: string } };
  servers: { url: string; description: string }[];
  tags: { name: string; description: string }[];
  security: Record<string, string[]>[];
  paths: Record<string, Record<string, OperationObject>>;
  webhooks: Record<string, { post: OperationObject }>;
  components: {
    schemas: Record<string, JsonSchema>;
    responses: Record<string, Response>;
    headers: Record<string, { description: string; schema: JsonSchema; example?: unknown }>;
    parameters: Record<string, Parameter>;
    securitySchemes: Record<string, object>;
  };
}
