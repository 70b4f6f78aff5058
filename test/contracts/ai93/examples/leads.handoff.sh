curl -X POST https://ai93.ca/api/v1/leads/ld_abc/handoff \
  -H "Authorization: Bearer ai93_live_..." \
  -H "Content-Type: application/json" \
  -d '{ "destination": "krew", "metadata": { "krewLeadId": "kl_xyz" } }'
