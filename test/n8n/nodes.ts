import { randomUUID } from 'node:crypto';

// Nodes of workflows, as n8n stores them.

export interface WorkflowNode {
  id: string;
  name: string;
  type: string;
  typeVersion: number;
  position: [number, number];
  parameters: Record<string, unknown>;
  [setting: string]: unknown;
}

let column = 0;

export const node = (type: string, name: string, parameters: object, more: object = {}): WorkflowNode => ({
  id: randomUUID(),
  name,
  type,
  typeVersion: 1,
  position: [200 * column++, 0],
  parameters: { ...parameters },
  ...more,
});

const credentials = (id: string) => ({ credentials: { trunklineApi: { id, name: 'Trunkline' } } });

/** A node of ours. */
export const action = (
  name: string,
  credential: string,
  resource: string,
  operation: string,
  parameters: object = {},
  settings: object = {},
): WorkflowNode =>
  node(
    'n8n-nodes-trunkline.trunkline',
    name,
    { resource, operation, ...parameters },
    { ...credentials(credential), ...settings },
  );

export const trigger = (credential: string, parameters: object): WorkflowNode =>
  node('n8n-nodes-trunkline.trunklineTrigger', 'Trunkline Trigger', parameters, {
    webhookId: randomUUID(),
    ...credentials(credential),
  });

/** Starts a workflow by a request, which is answered when the last node is done. */
export const onRequest = (path: string): WorkflowNode =>
  node(
    'n8n-nodes-base.webhook',
    'Start',
    { path, httpMethod: 'POST', responseMode: 'lastNode', responseData: 'allEntries', options: {} },
    { typeVersion: 2, webhookId: randomUUID() },
  );

export const byId = (value: string): object => ({ __rl: true, mode: 'id', value });

/** One after the other. */
export const chain = (nodes: WorkflowNode[]): object =>
  Object.fromEntries(
    nodes
      .slice(0, -1)
      .map((one, at) => [one.name, { main: [[{ node: nodes[at + 1]?.name, type: 'main', index: 0 }]] }]),
  );
