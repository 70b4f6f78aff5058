/** What the document's three scopes allow, in canonical scopes. Each holds the one before it. */
const RESOURCES = ['leads', 'calls', 'audit_log', 'webhooks', 'organizations', 'sources', 'connectors', 'outreach'];

const READ = RESOURCES.map((resource) => `${resource}.read`);
const WRITE = ['leads.write', 'leads.handoff', 'calls.write', 'outreach.write'];
const ADMIN = ['organizations.admin', 'webhooks.admin', 'api_keys.admin', 'connectors.admin'];

const ALLOWS: Record<string, string[]> = {
  read: READ,
  write: [...READ, ...WRITE],
  admin: [...READ, ...WRITE, ...ADMIN],
};

export const canonicalScopes = (granted: readonly string[]): string[] => [
  ...new Set(granted.flatMap((scope) => ALLOWS[scope] ?? [])),
];
