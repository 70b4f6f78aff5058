// Calls as the document prints them.

export const callExample = {
  id: 'call_01kq80hkgefv3tkwx5rvce9wd2',
  tracking_number: '+17705550199',
  caller_number: '+14045550173',
  duration_seconds: 142,
};
export const classifiedExample = {
  ...callExample,
  classification: { intent: 'water', confidence: 0.96, urgency: 'high', qualified: true },
};
const fullCall = {
  ...callExample,
  recording_url: null,
  transcript: 'Caller: Hi, I have water coming through my basement ceiling, I think a pipe burst...',
  classification: classifiedExample.classification,
  dispatch_decision: {
    action: 'auto_dispatch',
    reason: 'in_service_radius + qualified + business_hours',
    sms_callback_sent: true,
    job_created_in_jobnimbus: 'jn_117422',
  },
  received_at: '2026-04-27T17:42:11.214Z',
};

export const examples = {
  list: {
    query: { classification: 'water', qualified: 'true' },
    response: {
      data: [
        {
          ...callExample,
          classification: 'water',
          qualified: true,
          urgency: 'high',
          dispatch_decision: 'auto_dispatch',
          received_at: fullCall.received_at,
        },
      ],
      next_cursor: null,
    },
  },
  one: { response: fullCall },
  create: {
    request: {
      source: 'phone_system',
      external_id: 'c-20417',
      tracking_number: callExample.tracking_number,
      caller_number: callExample.caller_number,
      duration_seconds: 142,
      transcript: fullCall.transcript,
      received_at: fullCall.received_at,
    },
    response: { ...fullCall, classification: null, dispatch_decision: null },
  },
  correct: {
    request: { classification: 'water', urgency: 'high', dispatch_decision: 'auto_dispatch' },
    response: {
      ...fullCall,
      classification: { ...fullCall.classification, confidence: 1 },
      dispatch_decision: {
        action: 'auto_dispatch',
        reason: 'decided_by_person',
        sms_callback_sent: false,
        job_created_in_jobnimbus: null,
      },
    },
  },
  statistics: {
    query: { window: '7d' },
    response: {
      window: '7d',
      total_calls: 47,
      qualified: 18,
      junk_filtered: 12,
      by_intent: { water: 21, fire: 4, mold: 6, biohazard: 1, sales_pitch: 8, wrong_number: 4, other: 3 },
      median_classification_seconds: 11,
    },
  },
};
