import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OutgoingMessage } from '../../../connectors/connector.ts';
import { composeMail } from '../../connections/mail-client.ts';

/**
 * Writes a message that cannot leave, because nothing is connected for its channel, to a file that people and mail programs read:
 * {directory}/{organization}/{time}-{message}.eml or .txt. Returns its path. Only the owner of the folder may read it.
 */
export async function writeToOutbox(
  directory: string,
  organizationId: string,
  message: OutgoingMessage,
): Promise<string> {
  const folder = join(directory, organizationId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  const path = join(folder, `${time}-${message.id}.${message.subject === undefined ? 'txt' : 'eml'}`);
  // whole or not at all: somebody may be watching the folder
  await writeFile(`${path}.part`, message.subject === undefined ? textOf(message) : await mailOf(message), {
    mode: 0o600,
  });
  await rename(`${path}.part`, path);
  return path;
}

const textOf = ({ id, to, organization, content }: OutgoingMessage): string =>
  `To: ${to}\nFrom: ${organization.replace(/\s+/g, ' ')}\nDate: ${new Date().toUTCString()}\nMessage: ${id}\n\n${content}\n`;

async function mailOf({ id, to, organization, subject, content, unsubscribeUrl }: OutgoingMessage): Promise<Buffer> {
  const { raw } = await composeMail({
    // .invalid belongs to nobody: sent on by mistake, it goes nowhere
    from: { name: organization, address: 'outbox@trunkline.invalid' },
    to,
    subject: subject ?? '',
    text: content,
    id,
    headers: unsubscribeUrl === undefined ? {} : { 'List-Unsubscribe': `<${unsubscribeUrl}>` },
  });
  return raw;
}
