import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConnectorFailure } from '../../../connectors/failure.ts';
import type { DownloadSource } from '../../connections/download.ts';
import { connectorIo } from '../../connections/io.ts';
import { type ConnectionRow, openConnection } from '../../connections/opened.ts';
import { audioType } from './audio-type.ts';
import type { Outcome, OutsideTask, Task, TaskTools } from './task.ts';

/** Where a call's recording is kept: told by its ids alone, so that a removed call's can be found. */
const keyOf = ({ organizationId, subjectId }: Task): string => `recordings/${organizationId}/${subjectId}`;

/** Trackers make a recording ready minutes after the call, and some hours later: 30 s, 2 min, 10 min, 1 h, 6 h, a day. */
const RETRY_SCHEDULE = [30, 120, 600, 3600, 21_600, 86_400];

/** Fetches a call's recording into the storage. */
export const fetchRecording: OutsideTask = {
  kind: 'fetch_recording',
  retrySchedule: RETRY_SCHEDULE,
  async run(task, tools): Promise<Outcome> {
    const { rows } = await tools.asTenant(task, (client) =>
      client.query<{ source: string; url: string | null }>(
        'select source, recording_source_url as url from app.calls where id = $1',
        [task.subjectId],
      ),
    );
    const [call] = rows;
    if (!call) return removed(task, tools);
    if (!call.url) return { state: 'done' };
    const file = join(tmpdir(), `trunkline-recording-${randomUUID()}`);
    try {
      const source = await locate(call.source, call.url, task, tools);
      const { mediaType, bytes, head } = await tools.outbound.download(source, file);
      const type = audioType(mediaType, head);
      if (bytes === 0 || !type) {
        // a page that says "not ready yet" is such a case, too
        return {
          state: 'failed',
          error: `What the tracker answered is no recording (${mediaType || 'unknown type'}, ${bytes} bytes).`,
        };
      }
      const key = keyOf(task);
      await tools.storage.put(key, file, type);
      return {
        state: 'done',
        async record(client) {
          const { rowCount } = await client.query(
            'update app.calls set recording_key = $2, recording_type = $3, recording_bytes = $4 where id = $1',
            [task.subjectId, key, type, bytes],
          );
          if (rowCount === 0) await removed(task, tools);
        },
      };
    } catch (error) {
      if (!(error instanceof ConnectorFailure)) throw error;
      return error.retryable
        ? { state: 'failed', error: error.message, retryAfter: error.retryAfter }
        : { state: 'dead', error: error.message };
    } finally {
      await rm(file, { force: true });
    }
  },
};

/** Removes the recording of a call that is no longer there. */
export const removeRecording: OutsideTask = { kind: 'remove_recording', run: removed };

/** Of a call that was removed while its recording was fetched, nobody else knows that there is one. */
async function removed(task: Task, { storage }: TaskTools): Promise<Outcome> {
  await storage.remove(keyOf(task));
  return { state: 'done' };
}

/** As the tracker's connector says, if it is connected and has something to say; otherwise the address itself. */
async function locate(vendor: string, url: string, task: Task, tools: TaskTools): Promise<DownloadSource> {
  const { rows } = await tools.pool.query<ConnectionRow>('select * from app.open_connections($1, $2)', [
    task.organizationId,
    [vendor],
  ]);
  let refusal: unknown;
  for (const row of rows) {
    try {
      const { connector, config, secrets } = openConnection(row, tools.encryption);
      if (!connector.locateRecording) continue;
      return await connector.locateRecording(url, config, connectorIo(tools.outbound, secrets));
    } catch (error) {
      // another account of the same tracker may know the call
      refusal = error;
    }
  }
  if (refusal)
    throw refusal instanceof ConnectorFailure
      ? refusal
      : new ConnectorFailure('unavailable', (refusal as Error).message);
  return { url };
}
