import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';

export interface GatewayMetrics {
  registry: Registry;
  observe(method: string, route: string, status: number, seconds: number): void;
  rateLimited(): void;
}

/** The process's registry; gateway and worker of one process share it. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

export function createGatewayMetrics(
  registry: Registry,
  pool: { totalCount: number; idleCount: number; waitingCount: number },
): GatewayMetrics {
  const duration = new Histogram({
    name: 'trunkline_http_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  });
  const limited = new Counter({
    name: 'trunkline_http_rate_limited_total',
    help: 'Requests that were refused with 429.',
    registers: [registry],
  });
  new Gauge({
    name: 'trunkline_database_connections',
    help: 'Connections of the gateway to PostgreSQL, by state.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'idle' }, pool.idleCount);
      this.set({ state: 'busy' }, pool.totalCount - pool.idleCount);
      this.set({ state: 'waiting' }, pool.waitingCount);
    },
  });
  return {
    registry,
    observe: (method, route, status, seconds) => duration.observe({ method, route, status }, seconds),
    rateLimited: () => limited.inc(),
  };
}
