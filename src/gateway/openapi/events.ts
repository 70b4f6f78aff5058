import type { Contract, DeliveryDocument, EventDocument } from '../../contracts/contract.ts';
import type { Schemas } from './schemas.ts';
import type { OpenApiDocument, OperationObject, Parameter } from './types.ts';

/** The webhooks of the document: every event name, with headers and body of its deliveries. */
export function documentWebhooks(contract: Contract, schemas: Schemas): OpenApiDocument['webhooks'] {
  const document = contract.deliveries;
  return Object.fromEntries(
    document.events.map((event) => [event.name, { post: documentEvent(document, event, schemas) }]),
  );
}

function documentEvent(document: DeliveryDocument, event: EventDocument, schemas: Schemas): OperationObject {
  const headers: Parameter[] = document.headers(event).map(({ name, description, example }) => ({
    name,
    in: 'header',
    required: true,
    description,
    schema: { type: 'string' },
    example,
  }));
  return {
    operationId: `on.${event.name}`,
    tags: [document.tag],
    summary: event.name,
    description: `${event.description}.`,
    security: [],
    parameters: headers,
    requestBody: {
      required: true,
      content: { 'application/json': { schema: schemas.of(event.body, 'output'), example: event.example } },
    },
    responses: {
      '2XX': { description: 'Received. Answer within 10 seconds, and do the work afterwards.' },
      ...(document.gone && { '410': { description: 'Not wanted any more: the endpoint is disabled.' } }),
      default: {
        description: 'Not received: the delivery is tried again by the schedule, then kept as a dead letter.',
      },
    },
  };
}
