/**
 * How a call to an outside service went wrong.
 *   unavailable   no answer, a 5xx, a time-out: worth another try
 *   rate_limited  asked too often: worth another try, when it says so
 *   garbage       an answer that cannot be read: worth another try, it is mostly a proxy's page
 *   refused       it understood and said no (credentials, permissions, no such thing): the same again would be refused again
 */
export type FailureKind = 'unavailable' | 'rate_limited' | 'garbage' | 'refused';

/** Its message is stored and shown to the operator: one sentence, never with a credential in it. */
export class ConnectorFailure extends Error {
  override readonly name = 'ConnectorFailure';
  readonly kind: FailureKind;
  /** seconds the service asked to wait */
  readonly retryAfter: number | undefined;
  /** HTTP status of the answer, if one came */
  readonly status: number | undefined;
  /** the service's own code of the error, if its connector reads one */
  readonly code: string | number | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    details: { retryAfter?: number; status?: number; code?: string | number } = {},
  ) {
    super(message);
    this.kind = kind;
    this.retryAfter = details.retryAfter;
    this.status = details.status;
    this.code = details.code;
  }

  get retryable(): boolean {
    return this.kind !== 'refused';
  }
}
