// Reading the pages of the reference as a reader sees them.

/** What a reader sees of a piece of HTML. */
export const textOf = (piece: string): string =>
  piece
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

/** Blocks of code of a kind, each with the section it stands in. */
export function blocks(html: string, kind: string): { section: string; code: string }[] {
  const sections = html.split(/(?=<section )/);
  return sections.flatMap((part) => {
    const section = /^<section [^>]*id="([^"]+)"/.exec(part)?.[1] ?? '';
    const found = part.matchAll(new RegExp(`<pre class="${kind}"[^>]*>(.*?)</pre>`, 'gs'));
    return [...found].map(([, code]) => ({ section, code: textOf(code ?? '') }));
  });
}
