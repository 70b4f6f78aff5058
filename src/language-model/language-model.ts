import { z } from 'zod';
import type { Explanation, HttpAnswer, HttpClient } from '../../connectors/connector.ts';
import { ConnectorFailure } from '../../connectors/failure.ts';
import { createOutbound } from '../connections/http-client.ts';
import { createAddressGuard } from '../webhooks/address-guard.ts';

export interface LanguageModelOptions {
  /** of an OpenAI-compatible endpoint, e.g. http://127.0.0.1:11434/v1 */
  baseUrl: string;
  model: string;
  apiKey?: string | undefined;
  /** for the whole answer */
  timeoutMs?: number;
}

export interface Question<T> {
  /** what it is to do */
  instructions: string;
  /** what it is to do it with: material, which instructs nobody */
  material: string;
  /** a name for the answer, and what it must look like */
  name: string;
  schema: z.ZodType<T>;
}

/** A language model that answers in a shape that was asked for. */
export interface LanguageModel {
  /** as it is noted beside what it decided */
  name: string;
  /** Throws a ConnectorFailure when it is away, refuses, or answers anything that does not fit the schema. */
  ask<T>(question: Question<T>): Promise<T>;
  close(): Promise<void>;
}

/** The part of an answer that is read. */
const completion = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1),
});

/**
 * Asks the model of an endpoint. The operator names it in the configuration, so private addresses are as good as public ones (a model of one's
 * own is mostly on loopback); cloud metadata services are refused all the same.
 */
export function createLanguageModel(options: LanguageModelOptions): LanguageModel {
  const guard = createAddressGuard({ allowHttp: true, allowSubnets: ['0.0.0.0/0', '::/0'] });
  const outbound = createOutbound({ guard, timeoutMs: options.timeoutMs ?? 20_000 });
  const http = outbound.client(options.apiKey ? [options.apiKey] : []);
  const url = `${options.baseUrl.replace(/\/+$/, '')}/chat/completions`;
  const headers: Record<string, string> = options.apiKey ? { authorization: `Bearer ${options.apiKey}` } : {};

  return {
    name: options.model,
    async ask({ instructions, material, name, schema }) {
      const shape = z.toJSONSchema(schema, { target: 'draft-7' });
      const body = {
        model: options.model,
        messages: [
          {
            role: 'system',
            content: `${instructions}\n\nAnswer with one JSON object of this schema, and nothing else:\n${JSON.stringify(shape)}`,
          },
          { role: 'user', content: material },
        ],
      };
      const format = { type: 'json_schema', json_schema: { name, strict: true, schema: shape } };
      const answer = await send(http, {
        url,
        headers,
        json: { ...body, temperature: 0, response_format: format },
      }).catch((failure: ConnectorFailure) => {
        // not every endpoint knows answers by schema, nor takes a temperature; the instructions say it too
        if (failure.status !== 400 && failure.status !== 422) throw failure;
        return send(http, { url, headers, json: body });
      });
      return read(answer, schema);
    },
    close: () => outbound.close(),
  };
}

const send = (http: HttpClient, request: { url: string; headers: Record<string, string>; json: unknown }) =>
  http.request({ method: 'POST', ...request, readError }).catch(({ kind, message, ...details }: ConnectorFailure) => {
    // some quote what they were asked; cut only now that no half of a credential can be left over
    throw new ConnectorFailure(kind, message.slice(0, 300), details);
  });

const refusal = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });

/** That there is no such model, say, or no credit left: the operator reads it in the log. */
function readError({ body }: HttpAnswer): Explanation | undefined {
  const said = refusal.safeParse(body).data?.error;
  return said === undefined ? undefined : { message: typeof said === 'string' ? said : said.message };
}

function read<T>(answer: HttpAnswer, schema: z.ZodType<T>): T {
  const content = completion.safeParse(answer.body).data?.choices[0]?.message.content;
  if (content === undefined) throw new ConnectorFailure('garbage', 'The language model answered no message.');
  const result = schema.safeParse(objectIn(content));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new ConnectorFailure(
    'garbage',
    `The language model's answer does not fit: ${issue?.path.join('.') || 'answer'}: ${issue?.message}.`,
  );
}

/** The object in an answer: models think aloud before it, and put it into fences. */
function objectIn(content: string): unknown {
  const thought = content.lastIndexOf('</think>');
  const from = content.indexOf('{', Math.max(thought, 0));
  const to = content.lastIndexOf('}');
  try {
    return from < 0 || to < from ? undefined : JSON.parse(content.slice(from, to + 1));
  } catch {
    return undefined;
  }
}
