/** A rule before its weight is fitted: what it speaks for, and when it speaks. */
export interface Rule {
  label: string;
  subject: 'intent' | 'urgency' | 'qualified';
  value: string;
  /** a tsquery over what was said; null: whatever was said */
  terms: string | null;
  /** speaks against it: its weight is not positive */
  against?: boolean;
  /** a jsonpath over the facts of the call; no transcript teaches its weight, so it is given */
  predicate?: string;
  weight?: number;
}
