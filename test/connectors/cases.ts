import type { ConformanceCase } from './case.ts';
import { callRail } from './vendors/callrail.ts';
import { metaLeadAds } from './vendors/meta-lead-ads.ts';
import { publicTool } from './vendors/public-tool.ts';
import { smtp } from './vendors/smtp.ts';
import { twilio } from './vendors/twilio.ts';

/** A case for each connector, by vendor. */
export const CASES: Record<string, ConformanceCase> = {
  callrail: callRail,
  'meta-lead-ads': metaLeadAds,
  'public-tool': publicTool,
  smtp,
  twilio,
};
