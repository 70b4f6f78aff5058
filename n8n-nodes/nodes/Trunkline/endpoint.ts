import type { IHttpRequestMethods } from 'n8n-workflow';

/** How what was typed into a field is sent. */
export interface FieldFormat {
  /** as the editor names it */
  label: string;
  kind: 'text' | 'number' | 'boolean' | 'time' | 'list' | 'object' | 'names';
  /** null empties it */
  nullable?: boolean;
}

/** What an operation of the node sends, and where. */
export interface Endpoint {
  method: IHttpRequestMethods;
  /** below /api/v1, parameters in braces */
  path: string;
  /** a list that comes in pages */
  paged?: boolean;
  /** the answer is a file */
  csv?: boolean;
  /** parameter that holds the fields that are not upfront */
  collection?: string;
  /** field of the collection whose object is sent beside the others */
  extra?: { name: string; label: string };
  /** fields that are parameters of their own */
  upfront: string[];
  fields: Record<string, FieldFormat>;
}
