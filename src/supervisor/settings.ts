import type { Config } from '../config.ts';
import { createLanguageModel, type LanguageModel } from '../language-model/language-model.ts';
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

/** The language model that is configured, if any. */
export const languageModelOf = (config: Config): LanguageModel | undefined =>
  config.languageModel && createLanguageModel(config.languageModel);

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
