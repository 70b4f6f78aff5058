// pg exports lib/*, but its types describe the root only.
declare module 'pg/lib/utils.js' {
  /** A JavaScript value as pg sends it: text, Buffer or null. */
  export function prepareValue(value: unknown): string | Buffer | null;
}
