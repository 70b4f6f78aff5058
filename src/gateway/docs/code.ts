import { escapeHtml } from '../page.ts';

/** A block of code under a caption. `kind` is a class: the tests find by it what they run. */
const codeBlock = (caption: string, kind: string, html: string): string =>
  `<figure class="code"><figcaption>${caption}</figcaption><pre class="${kind}" tabindex="0"><code>${html}</code></pre></figure>`;

export const plainBlock = (caption: string, kind: string, code: string): string =>
  codeBlock(caption, kind, escapeHtml(code));

export const jsonBlock = (caption: string, kind: string, value: unknown): string =>
  codeBlock(caption, kind, highlight(JSON.stringify(value, null, 2)));

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\b\d+(?:\.\d+)?\b/g;

/** JSON with its names and values in colours. */
function highlight(json: string): string {
  let html = '';
  let end = 0;
  for (const match of json.matchAll(TOKEN)) {
    const [all, text, colon] = match;
    html += escapeHtml(json.slice(end, match.index));
    const token = escapeHtml(text ?? all);
    html += text && colon ? `<b>${token}</b>${colon}` : `<${text ? 'i' : 'u'}>${token}</${text ? 'i' : 'u'}>`;
    end = match.index + all.length;
  }
  return html + escapeHtml(json.slice(end));
}

export interface CurlRequest {
  method: string;
  url: string;
  /** "Name: value" */
  headers: string[];
  body?: unknown;
}

/** A request as a line for a shell. */
export function curl({ method, url, headers, body }: CurlRequest): string {
  const lines = [`curl ${method === 'GET' ? '' : `-X ${method} `}${quoted(url)}`];
  for (const header of headers) lines.push(`-H ${quoted(header)}`);
  if (body !== undefined)
    lines.push(`-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(body, null, 2))}`);
  return lines.join(' \\\n  ');
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
