import type { ContractName } from '../../src/security/api-key.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { ai93World } from './example-world-ai93.ts';
import { ealWorld } from './example-world-eal.ts';

// What the examples of the reference need to be there when they are run, for each contract.

export interface Stage {
  db: TestDatabase;
  gateway: TestGateway;
  stop(): Promise<void>;
}

export async function startStage(): Promise<Stage> {
  const db = await createDatabase();
  const gateway = await startTestGateway(db);
  return {
    db,
    gateway,
    stop: async () => {
      await gateway.stop();
      await db.drop();
    },
  };
}

export interface World {
  /** whose rows the examples are about */
  organizationId: string;
  /** the key an operation's example is sent with */
  keyFor(operationId: string): string;
  /** the ids its path needs, by parameter */
  idsFor(operationId: string): Record<string, string>;
  /** the example's body where it names other organizations, or a time that must lie ahead when the test runs */
  bodyFor(body: object): object;
  /** what else an example names that is not there, and what is there instead */
  instead: Record<string, string>;
}

const WORLDS: Partial<Record<ContractName, (stage: Stage) => Promise<World>>> = { eal: ealWorld, ai93: ai93World };

/** A world of its own, so that no example sees what another did. */
export async function createWorld(stage: Stage, contract: ContractName): Promise<World> {
  const create = WORLDS[contract];
  if (!create) throw new Error(`there is no world for the examples of ${contract}`);
  return create(stage);
}
