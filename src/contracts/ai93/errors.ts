import { type AppError, MissingScope } from '../../errors.ts';
import { documentedScope } from './scopes.ts';

/**
 * An error as the document prints it: {"error","message"}. There are no details beside it, so the sentence has the field and the
 * reason in it.
 */
export function errorBody(error: AppError): { error: string; message: string } {
  if (error instanceof MissingScope) {
    return { error: 'missing_scope', message: `API key lacks required scope: ${documentedScope(error.scope)}` };
  }
  const { field, reason } = error.details;
  const told = error.message.toLowerCase();
  const untold = [field, reason].filter((part) => part !== undefined && !told.includes(part.toLowerCase()));
  return {
    error: error.code,
    message: untold.length > 0 ? `${error.message} (${untold.join(': ')})` : error.message,
  };
}
