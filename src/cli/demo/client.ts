// biome-ignore lint/suspicious/noExplicitAny: the demo looks into whatever is answered
export type Json = any;

/** A REST client, as anybody would write one: address, key, JSON. */
export interface Client {
  send(method: string, path: string, body?: object): Promise<{ status: number; text: string; body: Json }>;
}

/** A client of a gateway. An answer that is no success is an error that quotes it. */
export const createClient = (url: string, key: string): Client => ({
  async send(method, path, body) {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return { status: response.status, text, body: isJson ? JSON.parse(text) : undefined };
  },
});
