curl -X POST https://ai93.ca/api/v1/leads \
  -H "Authorization: Bearer ai93_live_..." \
  -H "Content-Type: application/json" \
  -d '{
    "source": "manual",
    "targetType": "customer_lead",
    "displayName": "Jane Doe",
    "email": "jane@example.com",
    "phone": "+15555551234",
    "context": { "url": "https://janes-business.com" }
  }'
