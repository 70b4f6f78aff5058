const MAX_MESSAGE = 300;

/** A service may repeat in its error what it was sent, as it is or written for an address, a form or JSON. */
export function redact(message: string, secrets: readonly string[]): string {
  const forms = secrets
    .flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      new URLSearchParams({ '': secret }).toString().slice(1),
      JSON.stringify(secret).slice(1, -1),
    ])
    .filter((form) => form !== '')
    // of two that begin alike, the longer first: nothing is left of it then
    .toSorted((a, b) => b.length - a.length);
  const clean = forms.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), message.replaceAll('\0', ''));
  return clean.length > MAX_MESSAGE ? `${clean.slice(0, MAX_MESSAGE)}…` : clean;
}
