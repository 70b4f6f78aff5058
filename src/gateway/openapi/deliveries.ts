import type { z } from 'zod';

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
}
