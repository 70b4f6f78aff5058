import type { Request, Response } from 'express';
import type { Contract } from '../contracts/contract.ts';
import type { Logger } from '../log.ts';
import type { KeyActor } from '../operations/actor.ts';

/** What the middleware finds out about a request, step by step. */
export interface Locals {
  requestId: string;
  log: Logger;
  /** the contract whose shapes and errors the request gets */
  contract?: Contract;
  /** who asks; absent: nobody said */
  actor?: KeyActor;
  /** route template, for metrics: /api/v1/leads/{id} */
  route?: string;
  /** raw body, for the idempotency fingerprint */
  rawBody?: Buffer;
}

export type GatewayResponse = Response<unknown, Locals & Record<string, unknown>>;
export type { Request };
