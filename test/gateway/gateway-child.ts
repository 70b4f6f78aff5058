import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { endChild } from '../support/processes.ts';

/** A gateway in a process of its own, so that its memory is its own. */
export interface GatewayChild {
  url: string;
  /** the most memory it ever held */
  peakKiB(): Promise<number>;
  stop(): Promise<void>;
}

// A small nursery: how much young garbage V8 lets lie before it looks is V8's choice, and says nothing about what we hold.
const SMALL_NURSERY = ['--max-semi-space-size=2'];

/** Starts one as the login role in this connection string. */
export async function startGatewayChild(loginUrl: string): Promise<GatewayChild> {
  const child: ChildProcess = fork(join(import.meta.dirname, 'gateway-process.ts'), [loginUrl], {
    execArgv: SMALL_NURSERY,
  });
  const said = <Message>(): Promise<Message> =>
    new Promise((resolve) => child.once('message', (message) => resolve(message as Message)));
  const { url } = await said<{ url: string }>();
  return {
    url,
    async peakKiB() {
      const answer = said<{ peakKiB: number }>();
      child.send('memory');
      return (await answer).peakKiB;
    },
    async stop() {
      await endChild(child, 'SIGTERM');
    },
  };
}
