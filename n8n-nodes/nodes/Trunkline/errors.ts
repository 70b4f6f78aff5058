import { type IN8nHttpFullResponse, type JsonObject, NodeApiError } from 'n8n-workflow';
import type { Caller, Request } from './request';

// What went wrong, and what to do about it.

interface Told {
  code: string;
  message: string;
  details: { field?: string; reason?: string };
}

/** Trunkline's own words, whether they came as JSON or as the bytes of a file. */
function told({ body }: IN8nHttpFullResponse): Told {
  let content: unknown = body;
  try {
    if (Buffer.isBuffer(content)) content = content.toString('utf8');
    if (typeof content === 'string') content = JSON.parse(content);
  } catch {
    content = undefined;
  }
  const { error } = (content ?? {}) as { error?: Partial<Told> };
  return { code: error?.code ?? '', message: error?.message ?? '', details: error?.details ?? {} };
}

/** The error of an answer with a status of 400 and more. */
export function apiError(
  caller: Caller,
  response: IN8nHttpFullResponse,
  { item: itemIndex, fields }: Request,
): NodeApiError {
  const { statusCode } = response;
  const { code, message, details } = told(response);
  const { field, reason } = details;
  const label = field && (fields?.[field.split('.')[0]]?.label ?? field);
  const wait = String(response.headers['retry-after'] ?? '');
  const [what, mend] = explained(statusCode, message, { field, label, reason }, wait);
  return new NodeApiError(caller.getNode(), { code, message: what } as JsonObject, {
    message: what,
    description: mend,
    httpCode: String(statusCode),
    itemIndex,
  });
}

function explained(
  status: number,
  message: string,
  { field, label, reason }: Told['details'] & { label?: string },
  wait: string,
): [string, string] {
  switch (status) {
    case 400:
    case 422:
      if (field === 'url') {
        return [
          `Trunkline refuses the webhook address: ${reason ?? message}`,
          'It must be public and HTTPS. Set WEBHOOK_URL of n8n to its public address, or, for a Trunkline of your own, allow the address with WEBHOOK_ALLOW_HTTP and WEBHOOK_ALLOW_SUBNETS.',
        ];
      }
      if (label && reason?.endsWith('is required')) {
        return [`Trunkline needs '${label}'${alternatives(field as string, reason)}`, 'Fill it in, in this node.'];
      }
      return [
        label
          ? `Trunkline does not accept '${label}': ${reason ?? message}`
          : message || 'Trunkline does not accept the request',
        label ? `Correct '${label}' in this node.` : (reason ?? 'Check the fields of this node.'),
      ];
    case 401:
      return [
        `Trunkline does not accept the API key: ${message || 'it is invalid'}`,
        'Open the credential and enter a key that is in force. A key begins with eal_live_ or eal_test_.',
      ];
    case 403:
      return [
        `The API key may not do this: ${message || 'a scope is missing'}`,
        'Use a credential whose key has the scope: read to look at records, write to change leads and calls, admin for webhooks and the trigger.',
      ];
    case 404:
      return [
        message && message !== 'There is nothing at this path.' ? message : 'Trunkline has nothing at this address',
        'Check the ID: a record that was deleted or belongs to another organization is not found. If it is right, check the Base URL of the credential and the version of Trunkline.',
      ];
    case 409:
      return [
        message || 'Trunkline cannot do this now',
        reason
          ? `${label ? `'${label}': ` : ''}${reason}.`
          : 'Wait until the other change is done, or change the state that forbids it, then run the node again.',
      ];
    case 413:
      return ['The request is too large for Trunkline', 'Send less than 1 MiB, for instance a shorter transcript.'];
    case 429:
      return [
        'Trunkline receives more requests than the key may send',
        `Run the workflow again in ${wait || 'some'} seconds, send fewer requests, or ask the operator for a higher limit of the key.`,
      ];
    default:
      return status >= 500
        ? [
            `Trunkline cannot answer now (status ${status})`,
            'Try again later, or let the node retry: Settings, Retry On Fail.',
          ]
        : [message || `Trunkline answered ${status}`, reason ?? 'Check the fields of this node.'];
  }
}

/** What would do in place of a field: "email, or name and company, is required", "or phone is required". */
function alternatives(field: string, reason: string): string {
  const rest = reason.slice(0, -'is required'.length).trim().replace(/,$/, '');
  const others = rest.startsWith(field) ? rest.slice(field.length) : rest && ` ${rest}`;
  return others.replaceAll('_', ' ');
}

/** The error of a request that nobody answered. */
export const unreachable = (caller: Caller, baseUrl: string, reason: string, itemIndex?: number): NodeApiError =>
  new NodeApiError(caller.getNode(), { message: 'No answer' } as JsonObject, {
    message: `Trunkline cannot be reached at ${baseUrl}`,
    description: `${reason.replace(/\.$/, '')}. Check the Base URL of the credential, and that n8n may reach it. Whether a change was made is not known.`,
    itemIndex,
  });

/** The error of an answer that sends somewhere else. Following it, a change would arrive as a question, and the key wherever it leads. */
export const elsewhere = (caller: Caller, baseUrl: string, location: string, itemIndex?: number): NodeApiError =>
  new NodeApiError(caller.getNode(), { message: 'Redirected' } as JsonObject, {
    message: `Trunkline is not at ${baseUrl}, which sends to ${location || 'another address'}`,
    description:
      'Enter the address that it sends to, without /api/v1 and what follows, as the Base URL of the credential.',
    itemIndex,
  });

/** The error of an answer that is not one of Trunkline's. */
export const unlikeTrunkline = (caller: Caller, baseUrl: string, itemIndex?: number): NodeApiError =>
  new NodeApiError(caller.getNode(), { message: 'Not Trunkline' } as JsonObject, {
    message: `${baseUrl} does not answer as Trunkline does`,
    description:
      'Check the Base URL of the credential: it is where Trunkline itself is reached, not a website in front of it.',
    itemIndex,
  });

/** The error of a lead that the CRM did not take. */
export const notPushed = (caller: Caller, reason: string, itemIndex?: number): NodeApiError =>
  new NodeApiError(caller.getNode(), { message: reason } as JsonObject, {
    message: `The lead is not in the CRM: ${reason}`,
    description:
      'What may pass, Trunkline tries again by itself. Otherwise correct the lead or the connection of the CRM, then run the node again.',
    itemIndex,
  });

/** What went wrong and what to do, as one text, for where n8n shows only a message. */
export const wholeMessage = (error: Error & { description?: string | null }): string =>
  error.description ? `${error.message.replace(/\.$/, '')}. ${error.description}` : error.message;
