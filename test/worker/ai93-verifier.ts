/**
 * A receiver's check as section 4 of AI93's document describes it, with web crypto and from that description alone: the header is
 * `sha256=` and the hex HMAC-SHA256 of `{timestamp}.{raw body}` under the secret as it was shown, and no more than 5 minutes old.
 */
export async function verifyAi93(request: Request, secret: string): Promise<boolean> {
  const timestamp = request.headers.get('x-ai93-timestamp') ?? '';
  const age = Date.now() / 1000 - Number(timestamp);
  if (Math.abs(age) > 300) return false;
  const encoder = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign']);
  const signed = await crypto.subtle.sign('HMAC', key, encoder.encode(`${timestamp}.${await request.text()}`));
  const hex = [...new Uint8Array(signed)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return request.headers.get('x-ai93-signature') === `sha256=${hex}`;
}
