import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { action, byId, chain, trigger } from './nodes.ts';
import { type Office, startWorld, type World } from './world.ts';

// The nodes as people see them, in the real editor. With PICTURES=yes, takes the README's pictures.

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const PICTURES = join(import.meta.dirname, '../../n8n-nodes/pictures');

let world: World;
let office: Office;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  world = await startWorld();
  office = await world.office();
  const executablePath = CHROMIUM.find(existsSync);
  expect(executablePath, 'apt-get install -y chromium').toBeDefined();
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const [name = '', value = ''] = world.n8n.cookie.split('=');
  await context.addCookies([{ name, value, url: world.n8n.url }]);
  page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('response', (response) => {
    // outputs that the editor can show before a run; a node need not describe any
    if (response.url().includes('/schemas/')) return;
    if (/trunkline/i.test(response.url()) && response.status() >= 400)
      complaints.push(`${response.status()} ${response.url()}`);
  });
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

const picture = async (name: string): Promise<void> => {
  if (!process.env.PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
};

/** Errors of the console that are about our package, or about nothing in particular. */
const ours = (): string[] => complaints.filter((text) => /trunkline/i.test(text));

test('a workflow of ours shows its nodes with their icons, and each opens with its fields', async () => {
  const credential = await world.n8n.credential('Trunkline account', { baseUrl: world.url, apiKey: office.key });
  await office.request('POST', '/leads', { name: 'Sarah Mitchell', email: 'sarah@example.com', source: 'website' });
  const nodes = [
    trigger(credential, { events: ['lead.created'], filters: { lead_score: 50 } }),
    action('Score Lead', credential, 'lead', 'score', { leadId: byId('={{ $json.id }}') }),
    action('Hand Off', credential, 'lead', 'handOff', { leadId: byId('={{ $json.id }}'), destination: 'jobnimbus' }),
  ];
  const id = await world.n8n.workflow('New leads', nodes, chain(nodes));
  await page.goto(`${world.n8n.url}/workflow/${id}`);
  const canvas = page.locator('[data-test-id="canvas-node"]');
  await canvas.nth(2).waitFor();
  expect(await canvas.count()).toBe(3);
  const icons = page.locator('[data-test-id="canvas-node"] img');
  await icons.first().waitFor();
  for (const icon of await icons.all()) {
    expect(await icon.getAttribute('src')).toContain('trunkline');
    expect(await icon.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth)).toBeGreaterThan(
      0,
    );
  }
  await picture('workflow');
  for (const [at, fields] of [
    [0, ['Event Names or IDs', 'Minimum Score']],
    [2, ['Resource', 'Operation', 'Lead', 'Destination']],
  ] as const) {
    await canvas.nth(at).dblclick();
    for (const field of fields) await page.getByText(field, { exact: true }).first().waitFor();
    await page.waitForLoadState('networkidle');
    if (at === 0) {
      await page.locator('[data-test-id="parameter-input-events"]').filter({ hasText: 'Lead Created' }).waitFor();
    }
    await picture(at === 0 ? 'trigger' : 'action');
    await page.keyboard.press('Escape');
  }
  expect(ours()).toEqual([]);
});

test('the node is found, dragged in, and lists what Trunkline holds', async () => {
  const id = await world.n8n.workflow('Empty', [], {});
  await page.goto(`${world.n8n.url}/workflow/${id}`);
  await page.locator('[data-test-id="canvas-plus-button"], [data-test-id="canvas-add-button"]').first().click();
  const search = page.locator('[data-test-id="node-creator-search-bar"]');
  await search.fill('trunkline');
  const found = page
    .locator('[data-test-id="item-iterator-item"], [data-test-id="node-creator-item-name"]')
    .filter({ hasText: 'Trunkline' });
  await found.first().waitFor();
  await picture('search');
  await found.first().click();
  const create = page.getByText('Create a lead', { exact: true }).first();
  // folded in where a workflow begins
  const actions = page.locator('[data-test-id="node-creator-category-item"]').filter({ hasText: 'Actions' });
  await actions.waitFor();
  if (!(await create.isVisible())) await actions.click();
  await create.dragTo(page.locator('.vue-flow__pane').first(), { targetPosition: { x: 500, y: 400 } });
  const dragged = page.locator('[data-test-id="canvas-node"]').filter({ hasText: 'Create a lead' });
  await dragged.first().waitFor();
  await dragged.locator('img').first().waitFor();
  // the editor opens what was dropped, or leaves it to who dropped it
  const fields = page.getByText('Additional Fields', { exact: true }).first();
  if (!(await fields.isVisible())) await dragged.first().dblclick();
  await fields.waitFor();
  expect(ours()).toEqual([]);
});
