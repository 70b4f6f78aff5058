import type { ConformanceCase } from '../case.ts';

export const publicTool: ConformanceCase = {
  settings: () => ({ tool: 'estimate' }),
  secrets: {},
  hook: {
    request: () => ({
      url: 'https://trunkline.example.com/hooks/public-tool/x',
      headers: { 'content-type': 'application/x-www-form-urlencoded', referer: 'https://www.example.com/estimate' },
      rawBody: Buffer.from('name=Sarah+Mitchell&email=sarah.mitchell%40example.com&rooms=3&website_url='),
      query: new URLSearchParams(),
    }),
    makes: {
      leads: [
        {
          source: 'public_tool',
          name: 'Sarah Mitchell',
          email: 'sarah.mitchell@example.com',
          source_url: 'https://www.example.com/estimate',
          tags: [],
          context: { tool: 'estimate', url: 'https://www.example.com/estimate', fields: { rooms: '3' } },
        },
      ],
    },
  },
};
