/** Media types by which browsers' players know what trackers record. */
const KNOWN: Record<string, string> = {
  'audio/mpeg': 'audio/mpeg',
  'audio/mp3': 'audio/mpeg',
  'audio/mpeg3': 'audio/mpeg',
  'audio/x-mpeg': 'audio/mpeg',
  'audio/wav': 'audio/wav',
  'audio/wave': 'audio/wav',
  'audio/x-wav': 'audio/wav',
  'audio/vnd.wave': 'audio/wav',
  'audio/ogg': 'audio/ogg',
  'audio/opus': 'audio/ogg',
  'application/ogg': 'audio/ogg',
  'audio/mp4': 'audio/mp4',
  'audio/m4a': 'audio/mp4',
  'audio/x-m4a': 'audio/mp4',
  'audio/aac': 'audio/aac',
  'audio/flac': 'audio/flac',
  'audio/webm': 'audio/webm',
};

/**
 * Media type of a recording, by how it begins, and where that says nothing by what the answer called it. Undefined when it is no
 * sound that we know: what is served from our address is never a page or a script.
 */
export function audioType(told: string, head: Buffer): string | undefined {
  return byContent(head) ?? (looksLikeText(head) ? undefined : KNOWN[told]);
}

function byContent(head: Buffer): string | undefined {
  const at = (from: number, text: string) => head.subarray(from, from + text.length).toString('latin1') === text;
  if (at(0, 'ID3')) return 'audio/mpeg';
  if (at(0, 'RIFF') && at(8, 'WAVE')) return 'audio/wav';
  if (at(0, 'OggS')) return 'audio/ogg';
  if (at(0, 'fLaC')) return 'audio/flac';
  if (at(4, 'ftyp')) return 'audio/mp4';
  if (head.length >= 4 && head.readUInt32BE(0) === 0x1a45dfa3) return 'audio/webm';
  // MPEG frames begin with eleven set bits; layer 0 is AAC's
  if (head.length >= 2 && head[0] === 0xff && ((head[1] as number) & 0xe0) === 0xe0) {
    return ((head[1] as number) & 0x06) === 0 ? 'audio/aac' : 'audio/mpeg';
  }
  return undefined;
}

const looksLikeText = (head: Buffer): boolean => /^[\s\x20-\x7e]*$/.test(head.toString('latin1'));
