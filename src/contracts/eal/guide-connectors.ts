import type { Connector } from '../../../connectors/connector.ts';
import { connectors } from '../../../connectors/registry.ts';
import { curl, plainBlock } from '../../gateway/docs/code.ts';
import type { GuideContext } from '../../gateway/docs/guide.ts';
import { inline, table } from '../../gateway/docs/text.ts';

/** How outside services are connected, and the fields of each. */
export function connecting({ document, url, key }: GuideContext): string {
  const body = document.paths['/connectors/{vendor}']?.put?.requestBody?.content['application/json']?.example;
  return `<p>An outside service is connected with <a href="#connectors.save">PUT /connectors/{vendor}</a>: <code>settings</code> holds its fields, <code>secrets</code> those that are credentials. Settings that are given replace those that are there as a whole; without <code>settings</code> they stay, and so does a secret that is left out. A secret that is not required is removed by <code>null</code>. Credentials are kept encrypted and never shown again, and whoever leads them to another host must bring them anew. <a href="#connectors.test">Try it out</a> before or after saving it. Where the service calls Trunkline, the answer has the address to enter there, once.</p>
${plainBlock('Connect', 'curl', curl({ method: 'PUT', url: `${url}/connectors/meta-lead-ads?name=north`, headers: [`Authorization: Bearer ${key}`], body }))}
<p>What is connected, and how it is doing, any key may <a href="#connectors.list">list</a>; all else is for admin keys. Programs read the tables below from <a href="#connectors.vendors">GET /connector-vendors</a>.</p>
${connectors.map(vendorBlock).join('\n')}`;
}

function vendorBlock({ manifest: { vendor, title, description, fields, setup } }: Connector): string {
  const rows = fields.map(({ name, label, help, kind, secret, required, default: standard }) => [
    `<code>${name}</code>${required ? ' <span class="sent">required</span>' : ''}`,
    secret ? 'secret' : kind,
    inline(`${label}. ${help}${isShown(standard) ? ` Default \`${written(standard)}\`.` : ''}`),
  ]);
  const steps = setup.map((step) => `<li>${inline(step)}</li>`).join('');
  return `<h4>${inline(title)}: <code>${vendor}</code></h4><p>${inline(description)}</p>
${table(['Field', 'Kind', 'Description'], rows)}${steps && `<ol>${steps}</ol>`}`;
}

const isShown = (standard: unknown): boolean =>
  standard !== undefined && !(typeof standard === 'object' && Object.keys(standard as object).length === 0);
const written = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));
