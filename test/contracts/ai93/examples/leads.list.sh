curl https://ai93.ca/api/v1/leads?status=new&limit=10 \
  -H "Authorization: Bearer ai93_live_..."
