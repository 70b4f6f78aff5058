import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';

export type DeliveryOutcome = 'delivered' | 'failed' | 'dead_letter';

/** What the worker measures. */
export interface WorkerMetrics {
  /** deliveries made into jobs */
  relayed(deliveries: number): void;
  /** an attempt that was recorded */
  attempted(outcome: DeliveryOutcome, latencySeconds: number): void;
  /** changes that wait for the relay, and the age of the oldest */
  outbox(rows: number, ageSeconds: number): void;
  /** attempts under way */
  underWay(attempts: number): void;
  /** an attempt to process what a hook brought */
  received(outcome: 'done' | 'failed' | 'dead'): void;
  /** a task, or a batch of them that is one statement */
  taskDone(kind: string, outcome: 'done' | 'failed' | 'dead' | 'later'): void;
  /** a turn of polling a connection, and the calls that it found and no hook had told of */
  polled(outcome: 'done' | 'rest' | 'failed' | 'lost', found: number): void;
}

export const NO_METRICS: WorkerMetrics = {
  relayed() {},
  attempted() {},
  outbox() {},
  underWay() {},
  received() {},
  taskDone() {},
  polled() {},
};

/** Registers the worker's metrics. */
export function createWorkerMetrics(registry: Registry): WorkerMetrics {
  const registers = [registry];
  const relayed = new Counter({
    name: 'trunkline_webhook_deliveries_relayed_total',
    help: 'Deliveries that the relay made into jobs',
    registers,
  });
  const attempts = new Counter({
    name: 'trunkline_webhook_attempts_total',
    help: 'Webhook attempts by outcome: delivered, failed (another follows), dead_letter (none does)',
    labelNames: ['outcome'],
    registers,
  });
  const latency = new Histogram({
    name: 'trunkline_webhook_attempt_seconds',
    help: 'Time to the end of the answer, looking up the name and connecting included',
    labelNames: ['outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const outboxRows = new Gauge({
    name: 'trunkline_outbox_rows',
    help: 'Changes that wait for the relay (counted to 100,000)',
    registers,
  });
  const outboxAge = new Gauge({
    name: 'trunkline_outbox_age_seconds',
    help: 'Age of the oldest change that waits for the relay',
    registers,
  });
  const underWay = new Gauge({
    name: 'trunkline_webhook_attempts_under_way',
    help: 'Webhook attempts under way',
    registers,
  });
  const received = new Counter({
    name: 'trunkline_hook_attempts_total',
    help: 'Attempts to process what a hook brought, by outcome: done, failed (another follows), dead (none does)',
    labelNames: ['outcome'],
    registers,
  });
  const tasks = new Counter({
    name: 'trunkline_tasks_total',
    help: 'Tasks by kind and outcome: done, failed (another attempt follows), dead (none does), later (not yet its time)',
    labelNames: ['kind', 'outcome'],
    registers,
  });

  const polled = new Counter({
    name: 'trunkline_poll_turns_total',
    help: 'Turns of polling a connection, by outcome: done, rest (more follows), failed, lost (changed, or taken over, meanwhile)',
    labelNames: ['outcome'],
    registers,
  });
  const found = new Counter({
    name: 'trunkline_poll_calls_found_total',
    help: 'Calls that polls found and no hook had told of',
    registers,
  });

  return {
    relayed: (deliveries) => relayed.inc(deliveries),
    attempted(outcome, latencySeconds) {
      attempts.inc({ outcome });
      latency.observe({ outcome }, latencySeconds);
    },
    outbox(rows, ageSeconds) {
      outboxRows.set(rows);
      outboxAge.set(ageSeconds);
    },
    underWay: (count) => underWay.set(count),
    received: (outcome) => received.inc({ outcome }),
    taskDone: (kind, outcome) => tasks.inc({ kind, outcome }),
    polled(outcome, calls) {
      polled.inc({ outcome });
      found.inc(calls);
    },
  };
}
