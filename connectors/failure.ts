/**
 * How a call to an outside service went wrong.
 *   unavailable   no answer, a 5xx, a time-out: worth another try
 *   rate_limited  asked too often: worth another try, when it says so
 *   garbage       an answer that cannot be read: worth another try, it is mostly a proxy's page
 *   refused       it understood and said no (credentials, permissions, no such thing): the same again would be refused again
 */
export type FailureKind = 'unavailable' | 'rate_limited' | 'garbage' | 'refused';

export interface FailureDetails {
  retryAfter?: number;
  status?: number;
  code?: string | number;
  uncertain?: boolean;
  optedOut?: boolean;
}

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
  /** the service may have done what it was asked, although no answer says so: what must not happen twice is not tried again */
  readonly uncertain: boolean;
  /** whoever was to be written to has told the service that he wants no messages */
  readonly optedOut: boolean;

  constructor(kind: FailureKind, message: string, details: FailureDetails = {}) {
    super(message);
    this.kind = kind;
    this.retryAfter = details.retryAfter;
    this.status = details.status;
    this.code = details.code;
    this.uncertain = details.uncertain ?? false;
    this.optedOut = details.optedOut ?? false;
  }

  get retryable(): boolean {
    return this.kind !== 'refused';
  }
}
