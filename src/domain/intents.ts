// What a call may be about, and how urgent it may be: for the operations on calls, and for the worker that asks a language model.
// Constraints of app.calls say the same (test/gateway/openapi-words.test.ts).

export const INTENTS = ['water', 'fire', 'mold', 'biohazard', 'sales_pitch', 'wrong_number', 'other'] as const;
/** Those of nobody who may become a customer. */
export const JUNK: readonly string[] = ['sales_pitch', 'wrong_number'];
export const URGENCIES = ['high', 'medium', 'low'] as const;
