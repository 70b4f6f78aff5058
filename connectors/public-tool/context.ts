import type { FormValue } from './form.ts';

// What is known of a form besides its contact data: the page, the campaign, and every other field.

export interface Sent {
  tool: string;
  /** the field that says which page the form is on, if it has one */
  page: FormValue | undefined;
  headers: Record<string, string | undefined>;
  message: string | undefined;
  /** how long the visitor had the form before sending it */
  formSeconds: number | undefined;
  /** fields that are no contact data */
  rest: Record<string, FormValue>;
}

const CAMPAIGN = { utm_source: 'utmSource', utm_medium: 'utmMedium', utm_campaign: 'utmCampaign' } as const;

/** The context of the source public_tool. Fields of the form are kept as they were sent, also those that are told apart here. */
export function contextOf({ tool, page, headers, message, formSeconds, rest }: Sent): {
  url?: string;
  [field: string]: unknown;
} {
  const url = webAddress(page) ?? webAddress(headers.referer) ?? webAddress(headers.origin);
  const query = url === undefined ? undefined : new URL(url).searchParams;
  const campaign = Object.entries(CAMPAIGN).map(([parameter, name]) => {
    const value = rest[parameter];
    return [name, (typeof value === 'string' && value.trim()) || query?.get(parameter) || undefined] as const;
  });
  return {
    tool,
    url,
    referrer: webAddress(rest.referrer),
    message,
    form_seconds: formSeconds,
    ...Object.fromEntries(campaign.map(([name, value]) => [name, value?.slice(0, 200)])),
    fields: rest,
  };
}

function webAddress(value: FormValue | undefined): string | undefined {
  const url = typeof value === 'string' && value.length <= 2048 ? URL.parse(value.trim()) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  url.username = '';
  url.password = '';
  return url.href.length <= 2048 ? url.href : undefined;
}
