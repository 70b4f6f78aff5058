import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

// An S3 service with one bucket, as far as a storage needs it. It judges signatures by the published rules (Signature Version 4).

export const CREDENTIALS = { accessKeyId: 'AKTEST', secretAccessKey: 'a secret for tests', region: 'eu-test-1' };

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

function isSigned(req: IncomingMessage, body: Buffer): boolean {
  const { authorization = '' } = req.headers;
  const [, date, region, signed = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=AKTEST\/(\d{8})\/([\w-]+)\/s3\/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=([0-9a-f]{64})$/.exec(
      authorization,
    ) ?? [];
  if (!date || region !== CREDENTIALS.region) return false;
  const payload = String(req.headers['x-amz-content-sha256']);
  if (payload !== 'UNSIGNED-PAYLOAD' && payload !== sha256(body)) return false;
  const url = new URL(req.url ?? '/', 'http://s3');
  const headers = signed.split(';').map((name) => `${name}:${String(req.headers[name]).trim()}\n`);
  const canonical = [req.method, url.pathname, url.search.slice(1), headers.join(''), signed, payload].join('\n');
  const scope = `${date}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', req.headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = [date, region as string, 's3', 'aws4_request'].reduce<string | Buffer>(
    (from, part) => hmac(from, part),
    `AWS4${CREDENTIALS.secretAccessKey}`,
  );
  return hmac(key, text).toString('hex') === signature;
}

export interface S3Server {
  url: string;
  objects: Map<string, { body: Buffer; type: string | undefined }>;
  close(): void;
}

/** Starts one. What it holds can be looked at. */
export async function startS3(): Promise<S3Server> {
  const objects: S3Server['objects'] = new Map();
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const key = decodeURIComponent(new URL(req.url ?? '/', 'http://s3').pathname);
    const refuse = (status: number, code: string) =>
      res.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code></Error>`);
    if (!isSigned(req, body)) return refuse(403, 'SignatureDoesNotMatch');
    if (req.method === 'PUT') {
      objects.set(key, { body, type: req.headers['content-type'] });
      return res.setHeader('ETag', `"${sha256(body)}"`).end();
    }
    if (req.method === 'DELETE') {
      objects.delete(key);
      return res.writeHead(204).end();
    }
    const found = objects.get(key);
    if (!found) return refuse(404, 'NoSuchKey');
    res.setHeader('ETag', `"${sha256(found.body)}"`);
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '') ?? [];
    if (from === undefined) return res.end(found.body);
    if (Number(from) >= found.body.length) return refuse(416, 'InvalidRange');
    const part = found.body.subarray(Number(from), to ? Number(to) + 1 : undefined);
    return res
      .writeHead(206, { 'content-range': `bytes ${from}-${Number(from) + part.length - 1}/${found.body.length}` })
      .end(part);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    close: () => void server.close(),
  };
}
