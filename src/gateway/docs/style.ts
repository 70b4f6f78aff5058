/** Style of the reference: one column on a phone, navigation and examples beside the text where there is room. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #fff; --raised: #f6f7f9; --line: #e3e6eb; --text: #1b2330; --dim: #5a6577; --accent: #1c52d6;
  --code: #0f1726; --code-text: #dbe4f3; --code-dim: #8d9ab2; --name: #8ec5ff; --string: #a8e0b0; --literal: #f4c07a;
  --get: #0b6e4f; --post: #1c52d6; --patch: #96590a; --delete: #b3261e;
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e131c; --raised: #171e2a; --line: #283142; --text: #e4e9f2; --dim: #9ba7ba; --accent: #86abff; --code: #090d14;
    --get: #5fd3a5; --post: #86abff; --patch: #f0b35e; --delete: #ff8d85;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1.5rem; }
body { margin: 0; background: var(--page); color: var(--text); overflow-wrap: break-word; }
a { color: var(--accent); }
p { margin: .6rem 0; max-width: 46rem; }
code, pre, .method, .scope, .status { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-size: .86em; }
:not(pre) > code { background: var(--raised); border: 1px solid var(--line); border-radius: 4px; padding: .05em .32em; overflow-wrap: anywhere; }
h1, h2, h3, h4 { line-height: 1.25; }
h1 { font-size: 1.9rem; margin: 0 0 .5rem; letter-spacing: -.015em; }
h2 { font-size: 1.5rem; margin: 0; letter-spacing: -.01em; }
h3 { font-size: 1.15rem; margin: 0 0 .4rem; }
h3 a { color: inherit; text-decoration: none; }
h3 a:hover { text-decoration: underline; }
h4 { font-size: .78rem; margin: 1.5rem 0 .35rem; color: var(--dim); text-transform: uppercase; letter-spacing: .06em; }

.brand { font-weight: 700; letter-spacing: -.01em; color: var(--text); text-decoration: none; }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0; }
nav h2 { font-size: .74rem; margin: 1.2rem 0 .3rem; color: var(--dim); text-transform: uppercase; letter-spacing: .06em; }
nav li a { display: flex; gap: .5rem; align-items: baseline; padding: .22rem .5rem; margin: 0 -.5rem; border-radius: 6px; color: var(--text); text-decoration: none; font-size: .89rem; line-height: 1.35; }
nav li a:hover { background: var(--line); }
nav .method { flex: none; width: 3.3em; font-size: .62rem; }
.side { display: none; }
.menu { border-bottom: 1px solid var(--line); padding: 0 1.25rem; margin: 0; }
.menu summary { padding: .7rem 0; cursor: pointer; font-weight: 600; }

main { padding: 1.75rem 1.25rem 5rem; min-width: 0; }
.lead p { font-size: 1.06rem; color: var(--dim); }
.base { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; margin: 1.1rem 0 0; font-size: .92rem; }
.group { border-top: 1px solid var(--line); margin-top: 3rem; padding-top: 2.2rem; }
.group > p { color: var(--dim); margin-top: .3rem; }
section { scroll-margin-top: 1rem; }
.chapter { margin-top: 2.2rem; }
.operation { margin-top: 2.2rem; padding-top: 2.2rem; }
.operation + .operation { border-top: 1px solid var(--line); }
.group > p + .operation { padding-top: 0; }
.line { margin: 0; overflow-wrap: anywhere; }
.path var { font-style: normal; color: var(--accent); }
.method { font-size: .74rem; font-weight: 700; letter-spacing: .03em; }
.get { color: var(--get); } .post { color: var(--post); } .put, .patch { color: var(--patch); } .delete { color: var(--delete); }
.needs { margin: .35rem 0 .7rem; font-size: .85rem; color: var(--dim); }
.scope, .status { font-size: .8rem; border: 1px solid var(--line); background: var(--raised); color: var(--text); border-radius: 99px; padding: .06rem .55rem; white-space: nowrap; }
.sent, .answered { color: var(--delete); font-size: .74rem; white-space: nowrap; }
.answered { color: var(--dim); }
.chips { display: flex; flex-wrap: wrap; gap: .35rem; margin: 0; }

table { border-collapse: collapse; width: 100%; font-size: .89rem; line-height: 1.45; }
th { text-align: left; color: var(--dim); font-weight: 600; font-size: .78rem; }
th, td { padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td > code { overflow-wrap: break-word; }
td:first-child > code { white-space: nowrap; }
.plain { font-size: .89rem; color: var(--dim); margin: .8rem 0 0; }
.chapter > .table { margin: .8rem 0; max-width: 46rem; }
details { margin-top: .8rem; }
details > summary { cursor: pointer; font-size: .89rem; color: var(--dim); }
details[open] > summary { margin-bottom: .4rem; }

.code { margin: .9rem 0; border-radius: 9px; overflow: hidden; background: var(--code); color: var(--code-text); border: 1px solid var(--line); max-width: 52rem; }
.code figcaption { padding: .5rem .95rem .1rem; font-size: .76rem; color: var(--code-dim); }
.code .status { background: none; border-color: #39455c; color: inherit; padding: 0 .45rem; }
pre { margin: 0; padding: .45rem .95rem .9rem; overflow: auto; font-size: .815rem; line-height: 1.55; max-height: 34rem; tab-size: 2; }
pre code { font-size: inherit; }
pre b { font-weight: 400; color: var(--name); } pre i { font-style: normal; color: var(--string); } pre u { text-decoration: none; color: var(--literal); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

@media (max-width: 40rem) {
  thead { position: absolute; clip-path: inset(50%); }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  tr:last-child { border-bottom: 0; }
  td { display: block; border: 0; padding: .06rem 0; }
  td:empty { display: none; }
  td:first-child > code { white-space: normal; }
  td:nth-child(2):not(:last-child) { color: var(--dim); }
}
@media (min-width: 62rem) {
  .layout { display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
  .menu { display: none; }
  .side { display: block; position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem 1.25rem; background: var(--raised); border-right: 1px solid var(--line); }
  main { padding: 2.5rem clamp(1.5rem, 3.5vw, 3.5rem) 6rem; max-width: 92rem; }
}
@media (min-width: 82rem) {
  .operation { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 31rem); gap: 0 2.75rem; }
  .operation .example { position: sticky; top: 1.25rem; align-self: start; }
  .operation .code:first-child { margin-top: 0; }
}
@media print { .side, .menu { display: none; } .layout { display: block; } details::details-content { content-visibility: visible; } }
`;
