import { z } from 'zod';
import * as calls from '../../domain/calls.ts';
import type { Route } from '../contract.ts';
import { examples } from './calls-examples.ts';
import { at, list, nullable, typeId } from './shapes.ts';

// Calls: their answers and their endpoints.

const intent = z.enum(['water', 'fire', 'mold', 'biohazard', 'sales_pitch', 'wrong_number', 'other']);
const urgency = z.enum(['high', 'medium', 'low']);
const dispatchAction = z.enum(['auto_dispatch', 'callback', 'review', 'ignore']);
const REASON =
  'Why, in parts: where (`in_service_radius`, `out_of_service_radius`, `place_unknown`, `service_area_not_set`), what (`qualified`, `not_qualified`, `intent_not_served`, `qualification_unknown`, `low_confidence`, `sales_pitch`, `wrong_number`, `missed_call`, `voicemail`), when (`business_hours`, `after_hours`, `urgent_after_hours`, `told_too_late`, `classified_too_late`), and what stood in the way (`auto_dispatch_off`, `number_withheld`); or `decided_by_person`.';
const callSummary = z
  .strictObject({
    id: typeId('call'),
    tracking_number: nullable,
    caller_number: nullable,
    duration_seconds: z.int(),
    classification: intent.nullable().meta({ description: 'null until it is classified.' }),
    qualified: z.boolean().nullable(),
    urgency: urgency.nullable(),
    dispatch_decision: dispatchAction.nullable(),
    received_at: at,
  })
  .meta({ id: 'CallSummary', description: 'A call, as lists show it.' });
export const callList = list('CallList', callSummary);
export const call = z
  .strictObject({
    id: typeId('call'),
    tracking_number: nullable,
    caller_number: nullable,
    duration_seconds: z.int(),
    recording_url: nullable.meta({ description: 'null while there is no recording.' }),
    transcript: nullable,
    classification: z
      .strictObject({
        intent,
        confidence: z.number().meta({ description: 'How sure it is, from 0 to 1.' }),
        urgency,
        qualified: z
          .boolean()
          .nullable()
          .meta({ description: 'Whether the caller may become a customer; null when nothing tells.' }),
      })
      .nullable()
      .meta({ description: 'null until it is classified.' }),
    dispatch_decision: z
      .strictObject({
        action: dispatchAction,
        reason: nullable.meta({ description: REASON }),
        sms_callback_sent: z.boolean().meta({ description: 'Whether the caller got a text message.' }),
        job_created_in_jobnimbus: nullable.meta({
          description: 'Id of the job that was made for it in the CRM, whichever is connected.',
        }),
      })
      .nullable()
      .meta({ description: 'null until something is decided.' }),
    received_at: at,
  })
  .meta({ id: 'Call', description: 'A call in full.' });
const counted = z.int().min(0);
export const callStatistics = z
  .strictObject({
    window: z.enum(['24h', '7d', '30d', '90d']),
    total_calls: counted,
    qualified: counted,
    junk_filtered: counted.meta({ description: 'Sales pitches and wrong numbers.' }),
    by_intent: z.strictObject({
      water: counted,
      fire: counted,
      mold: counted,
      biohazard: counted,
      sales_pitch: counted,
      wrong_number: counted,
      other: counted,
    }),
    median_classification_seconds: z.number().nullable(),
  })
  .meta({ id: 'CallStatistics' });

/** The endpoints of calls. */
export const callRoutes: Route[] = [
  {
    method: 'GET',
    path: '/calls',
    operation: calls.listCalls,
    tag: 'Calls',
    output: callList,
    example: examples.list,
  },
  {
    method: 'POST',
    path: '/calls',
    operation: calls.createCall,
    tag: 'Calls',
    status: 201,
    output: call,
    example: examples.create,
    existing: {
      description: 'The call was known by its `source` and `external_id`: it is as what was told now leaves it.',
      output: call,
      example: examples.one.response,
    },
  },
  {
    method: 'GET',
    path: '/calls/stats',
    operation: calls.callStatistics,
    tag: 'Calls',
    output: callStatistics,
    example: examples.statistics,
  },
  {
    method: 'GET',
    path: '/calls/{id}',
    operation: calls.getCall,
    tag: 'Calls',
    single: true,
    output: call,
    example: examples.one,
  },
  {
    method: 'PATCH',
    path: '/calls/{id}',
    operation: calls.correctCall,
    tag: 'Calls',
    output: call,
    example: examples.correct,
  },
];
