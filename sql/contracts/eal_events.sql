-- Expert AI Labs: which changes are announced, and under which name.

-- Its eleven event names. Those of resources that are not here yet have no action that fires them.
insert into app.event_types (contract, type, action, changed, condition, description, sample) values
  ('eal', 'call.received', 'call.created', null, null, 'New inbound call ingested from CallRail or other tracker', '{"id": "call_01jq4n8p2w7s8t9v0w1x2y3z4a", "tracking_number": "+17705550199", "caller_number": "+14045550173", "duration_seconds": 142}'),
  ('eal', 'call.classified', 'call.updated', '{classified_at}', '$.classified_at != null', 'AI classification finished; includes intent, urgency, qualified flag', '{"id": "call_01jq4n8p2w7s8t9v0w1x2y3z4a", "classification": {"intent": "water", "confidence": 0.96, "urgency": "high", "qualified": true}}'),
  ('eal', 'call.qualified', 'call.updated', '{qualified_at}', '$.qualified_at != null', 'A call was determined to be a qualified lead', '{"id": "call_01jq4n8p2w7s8t9v0w1x2y3z4a", "classification": {"intent": "water", "confidence": 0.96, "urgency": "high", "qualified": true}}'),
  ('eal', 'lead.created', 'lead.created', null, null, 'New lead added to the system', '{"id": "9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18", "name": "Sarah Mitchell", "email": "sarah.mitchell@example.com", "source": "website", "lead_score": 0, "pipeline_stage": "new"}'),
  ('eal', 'lead.updated', 'lead.updated', null, null, 'Lead status, score, or fields changed', '{"id": "9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18", "name": "Sarah Mitchell", "email": "sarah.mitchell@example.com", "source": "website", "lead_score": 92, "pipeline_stage": "won"}'),
  ('eal', 'outreach.email.sent', 'message.updated', '{sent_at}', '$.channel == "email" && $.sent_at != null', 'Outbound email sent', '{"message_id": "msg_01jq4n8p2w7s8t9v0w1x2y3z4a", "channel": "email", "status": "sent"}'),
  ('eal', 'outreach.email.replied', 'outreach.email.replied', null, null, 'Reply received and classified', '{"message_id": "msg_01jq4n8p2w7s8t9v0w1x2y3z4a", "channel": "email", "status": "replied"}'),
  ('eal', 'claim.scope.ready', 'claim.scope.ready', null, null, 'Insurance documentation extraction completed and ready for review', '{"id": "clm_01jq4n8p2w7s8t9v0w1x2y3z4a", "loss_type": "water", "status": "ready_for_review"}'),
  ('eal', 'review.requested', 'review.requested', null, null, 'Customer was sent a review request after job completion', '{"platform": "google", "status": "requested"}'),
  ('eal', 'review.received', 'review.received', null, null, 'New review detected on Google or another listing surface', '{"platform": "google", "rating": 5, "review_text": "They were here within 45 minutes."}'),
  ('eal', 'audit.log.event', null, null, null, 'Stream of audit events; opt-in for compliance integrations', '{"action": "lead.updated", "source": "api", "payload": {"diff": {"lead_score": {"from": 87, "to": 92}}}}')
on conflict (contract, type) do update
   set action = excluded.action, changed = excluded.changed, condition = excluded.condition, description = excluded.description, sample = excluded.sample
 where (event_types.action, event_types.changed, event_types.condition::text, event_types.description, event_types.sample)
       is distinct from (excluded.action, excluded.changed, excluded.condition::text, excluded.description, excluded.sample);
