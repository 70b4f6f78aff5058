import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// The receiver of the delivery bench, a process of its own: counts what arrives, and how long it was under way.

let count = 0;
let first = 0;
let last = 0;
let latencies: number[] = [];

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    response.end('ok');
    last = Date.now();
    first ||= last;
    count += 1;
    const sent = /"name"\s*:\s*"sent (\d+)"/.exec(body);
    if (sent) latencies.push(last - Number(sent[1]));
  });
});

process.on('message', (message) => {
  if (message === 'report')
    process.send?.({ count, span: last - first, latencies: latencies.toSorted((a, b) => a - b) });
  if (message === 'reset') {
    count = first = last = 0;
    latencies = [];
  }
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
