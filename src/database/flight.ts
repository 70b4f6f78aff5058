import { EventEmitter } from 'node:events';
import pg from 'pg';
// what pg itself turns values into parameters with
import { prepareValue } from 'pg/lib/utils.js';

/** One prepared statement and its parameters. */
export interface Prepared {
  /** equal texts have equal names */
  name: string;
  text: string;
  values: unknown[];
}

/** The parts of pg's connection that a submittable speaks to. */
interface Connection {
  stream: { cork(): void; uncork(): void };
  parse(message: { name: string; text: string; types?: number[] }): void;
  bind(message: {
    portal: string;
    statement: string;
    values: unknown[];
    valueMapper: (value: unknown) => unknown;
  }): void;
  describe(message: { type: 'P'; name: string }): void;
  execute(message: { portal: string; rows?: number }): void;
  sync(): void;
}

/** Statements a connection has parsed, by name; and the name they were given there. */
const parsed = new WeakMap<Connection, Map<string, string>>();
let attempts = 0;

type Callback<Row extends pg.QueryResultRow> = (error: Error | null, result?: pg.QueryResult<Row>) => void;

/**
 * Several prepared statements in one flight, with one Sync at the end: PostgreSQL runs them as one transaction, commits at the
 * Sync and answers once. (pg's own queries end with a Sync each, so a transaction of them is answered in four parts, and each
 * wakes this process up.) The last statement's rows are the result. An error in any of them rolls all of them back.
 *
 * A submittable, as pg-cursor and pg-copy-streams are: client.query(new Flight(…)).
 */
export class Flight<Row extends pg.QueryResultRow> extends EventEmitter implements pg.Submittable {
  private readonly statements: Prepared[];
  private readonly result = new pg.Result<Row>('', pg.types as never);
  /** pg's pool and client set and read this */
  callback: Callback<Row>;
  private completed = 0;
  private fresh: string[] = [];
  private connection: Connection | undefined;

  constructor(statements: Prepared[], callback: Callback<Row>) {
    super();
    this.statements = statements;
    this.callback = callback;
  }

  submit(pgConnection: unknown): Error | null {
    const connection = pgConnection as Connection;
    this.connection = connection;
    connection.stream.cork();
    try {
      this.statements.forEach((statement, index) => {
        connection.bind({
          portal: '',
          statement: this.prepare(connection, statement),
          values: statement.values,
          valueMapper: prepareValue,
        });
        if (index === this.statements.length - 1) connection.describe({ type: 'P', name: '' });
        connection.execute({ portal: '' });
      });
      connection.sync();
      return null;
    } catch (error) {
      // a value that is none: what was sent so far still needs its Sync
      connection.sync();
      this.forget();
      return error as Error;
    } finally {
      connection.stream.uncork();
    }
  }

  /** Parses a statement once for each connection. Returns the name it has there. */
  private prepare(connection: Connection, { name, text }: Prepared): string {
    let names = parsed.get(connection);
    if (!names) {
      names = new Map();
      parsed.set(connection, names);
    }
    let known = names.get(name);
    if (!known) {
      // after a failure nobody knows whether the server kept the name, so a second try takes another
      attempts += 1;
      known = `${name}-${attempts}`;
      names.set(name, known);
      this.fresh.push(name);
      connection.parse({ name: known, text });
    }
    return known;
  }

  private forget(): void {
    const names = this.connection && parsed.get(this.connection);
    for (const name of this.fresh) names?.delete(name);
  }

  handleRowDescription(message: { fields: pg.FieldDef[] }): void {
    (this.result as unknown as { addFields(fields: pg.FieldDef[]): void }).addFields(message.fields);
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    if (this.completed < this.statements.length - 1) return;
    const result = this.result as unknown as { parseRow(fields: (string | null)[]): Row; addRow(row: Row): void };
    result.addRow(result.parseRow(message.fields));
  }

  handleCommandComplete(message: { text: string }): void {
    this.completed += 1;
    if (this.completed === this.statements.length) {
      (this.result as unknown as { addCommandComplete(message: { text: string }): void }).addCommandComplete(message);
    }
  }

  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  handleReadyForQuery(): void {
    this.callback(null, this.result);
  }

  handleError(error: Error): void {
    this.forget();
    this.callback(error);
  }
}
