/** The document's scopes, which are the canonical ones with a colon. None holds another. */
export const canonicalScopes = (granted: readonly string[]): string[] =>
  granted.map((scope) => scope.replace(':', '.'));

/** The document's name of a canonical scope. */
export const documentedScope = (canonical: string): string => canonical.replace('.', ':');
