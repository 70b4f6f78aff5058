curl https://ai93.ca/api/v1/leads.csv?status=converted&since=2026-01-01 \
  -H "Authorization: Bearer ai93_live_..." \
  -o leads.csv
