import type { IDataObject } from 'n8n-workflow';

// What a registration has to remember, in two places. The static data of the workflow survives restarts, but each delivery works on a
// copy of its own that is written back whole, and that of a new registration is stored only after it was made. The memory of the process
// knows at once, and is what every copy is completed from, so that none writes back less than is known.

/** Event ids that are remembered: more than are under way, or come again by the retry schedule, at any time. */
const MOST_SEEN = 1000;
/** Registrations that the process remembers; each test run is one. */
const MOST_REGISTRATIONS = 500;
/** How long a secret that was replaced still counts, in milliseconds: as long as Trunkline signs with it. */
const OVERLAP = 24 * 3600 * 1000;

export interface Registration {
  webhookId?: string;
  /** newest first */
  secrets: { secret: string; replacedAt?: number }[];
  /** event ids, oldest first */
  seen: string[];
}

const registrations = new Map<string, Registration>();

const together = (...lists: string[][]): string[] => [...new Set(lists.flat())].slice(-MOST_SEEN);

/**
 * What a workflow stored, if it was the one that did: a workflow that was copied may bring along what the original stored, and would
 * remove the original's registration for its own.
 */
export function ownOf(stored: IDataObject, owner: string): IDataObject {
  if (stored.owner !== owner) {
    for (const name of Object.keys(stored)) delete stored[name];
    stored.owner = owner;
  }
  return stored;
}

/** What is known of the registration of an address: by the process and by the workflow. */
export function recall(url: string, stored: IDataObject): Registration {
  const kept = stored as Partial<Registration>;
  const here = registrations.get(url);
  const secrets = [...(here?.secrets ?? []), ...(kept.secrets ?? [])].filter(
    ({ secret, replacedAt }, at, all) =>
      all.findIndex((other) => other.secret === secret) === at &&
      (replacedAt === undefined || Date.now() - replacedAt < OVERLAP),
  );
  return {
    webhookId: here?.webhookId ?? kept.webhookId,
    secrets,
    seen: together(kept.seen ?? [], here?.seen ?? []),
  };
}

/** Keeps what is known of an address, in both places, with what was seen since the registration was recalled. */
export function remember(url: string, stored: IDataObject, recalled: Registration): void {
  const registration = { ...recalled, seen: together(registrations.get(url)?.seen ?? [], recalled.seen) };
  // newest last
  registrations.delete(url);
  registrations.set(url, registration);
  const [oldest] = registrations.keys();
  if (registrations.size > MOST_REGISTRATIONS && oldest !== undefined) registrations.delete(oldest);
  Object.assign(stored, registration);
}

/**
 * Forgets an address, but not which events it has seen: they may come again when it registers again. The process keeps them too, as n8n
 * registers anew with static data that it read before the latest of them were stored.
 */
export function forget(url: string, stored: IDataObject): void {
  const { seen } = recall(url, stored);
  remember(url, stored, { secrets: [], seen });
  delete stored.webhookId;
  delete stored.secrets;
}

/** A secret that takes the place of the others, which count for a day more. */
export const withSecret = (registration: Registration, secret: string): Registration => ({
  ...registration,
  secrets: [
    { secret },
    ...registration.secrets.map((old) => ({ ...old, replacedAt: old.replacedAt ?? Date.now() })),
  ].slice(0, 4),
});

/** Notes an event; false when it was noted before. */
export function note(registration: Registration, eventId: string): boolean {
  if (registration.seen.includes(eventId)) return false;
  registration.seen.push(eventId);
  if (registration.seen.length > MOST_SEEN) registration.seen.splice(0, registration.seen.length - MOST_SEEN);
  return true;
}
