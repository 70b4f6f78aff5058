import type { Config } from '../config.ts';
import { StartupError } from '../startup-error.ts';
import { type AddressGuard, createAddressGuard } from '../webhooks/address-guard.ts';

/** Where webhooks may go. Throws a StartupError for a subnet that is none. */
export function guardOf(config: Config): AddressGuard {
  try {
    return createAddressGuard(config.webhooks);
  } catch (error) {
    throw new StartupError(`WEBHOOK_ALLOW_SUBNETS: ${(error as Error).message}`, { cause: error });
  }
}

/** A setting that this process cannot do without. */
export function required<T>(value: T | undefined, name: string, why: string): T {
  if (value === undefined) throw new StartupError(`${name}: is required ${why}.`);
  return value;
}

/** The gateway's address as somebody on this machine reaches it: a wildcard is no address to call. */
export function localUrl(url: string): string {
  const local = new URL(url);
  if (local.hostname === '0.0.0.0' || local.hostname === '[::]') local.hostname = '127.0.0.1';
  return local.href.replace(/\/$/, '');
}
