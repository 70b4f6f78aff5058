import { expect } from 'vitest';
import { type Answer, type ReceivedRequest, type Script, startReceiver } from '../support/receiver.ts';
import type { Ending, Protocol, Situation } from './case.ts';

// HTTP with JSON, which most services speak, and everything that they do besides answering well.

/** An answer in JSON. */
export const json = (body: unknown, status = 200): Answer => ({
  status,
  headers: { 'content-type': 'application/json; charset=UTF-8' },
  body: JSON.stringify(body),
});

const HTML = { headers: { 'content-type': 'text/html' }, body: '<html>Bad gateway</html>' };
const busy = (retryAfter: unknown): Ending => ({
  kind: 'rate_limited',
  retryable: true,
  retryAfter: retryAfter as number,
});
const GARBAGE: Ending = { kind: 'garbage', retryable: true };
const UNAVAILABLE: Ending = { kind: 'unavailable', retryable: true };

const situations: Situation<Script>[] = [
  ...[400, 401, 403, 404, 409, 422].map((status) => ({
    name: `answers ${status}`,
    answer: { status, body: '{"message":"no"}' },
    ends: { kind: 'refused' as const, retryable: false, status },
  })),
  ...[500, 502, 503, 504, 408].map((status) => ({
    name: `answers ${status}`,
    answer: { ...HTML, status },
    ends: { kind: 'unavailable' as const, retryable: true, status },
  })),
  {
    name: 'is asked too often, and says for how long to wait',
    answer: { status: 429, headers: { 'retry-after': '17' }, body: '{}' },
    ends: busy(17),
  },
  {
    name: 'is asked too often, and says until when to wait',
    answer: () => ({ status: 429, headers: { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() } }),
    ends: busy(expect.any(Number)),
  },
  { name: 'is asked too often, and does not say how long to wait', answer: { status: 429 }, ends: busy(undefined) },
  { name: 'does not answer in time', answer: { hang: true }, ends: UNAVAILABLE, endless: true },
  { name: 'answers with a page instead of JSON', answer: HTML, ends: GARBAGE },
  { name: 'answers with JSON that is cut off', answer: { body: '{"id":"4' }, ends: GARBAGE },
  { name: 'answers with JSON of another shape', answer: { body: '["nothing"]' }, ends: GARBAGE },
  {
    name: 'answers with more than it may',
    answer: { body: JSON.stringify({ id: 'x'.repeat(100_000) }) },
    ends: GARBAGE,
  },
  {
    name: 'answers with a redirect',
    // to itself: whoever follows it finds an answer
    answer: { status: 302, headers: { location: '/elsewhere' } },
    ends: { kind: 'refused', message: expect.stringContaining('redirect') as unknown as string },
  },
];

/** Everything that it was sent, wherever services put the reason of an error. */
const echo =
  (status: number) =>
  ({ headers, path, rawBody }: ReceivedRequest): Answer => {
    const message = `${JSON.stringify(headers)} ${path} ${rawBody}`;
    const body = { message, detail: message, error: { message, code: 100 }, errors: [{ message }] };
    return json(body, status);
  };

export const http: Protocol<Script, ReceivedRequest> = {
  situations,
  echoes: { error: echo(400), good: echo(200) },
  async start() {
    const receiver = await startReceiver();
    return {
      ...receiver,
      answerFirst(count, first, then) {
        const from = receiver.requests.length + count;
        receiver.answer((request, number) => {
          const script = number <= from ? first : then;
          return typeof script === 'function' ? script(request, number) : script;
        });
      },
      exposed: () => receiver.requests.map(({ path }) => decodeURIComponent(path)),
      credentials: () =>
        receiver.requests.flatMap(({ headers: { authorization } }) =>
          authorization === undefined ? [] : [authorization, authorization.replace(/^\w+ /, '')],
        ),
    };
  },
};
