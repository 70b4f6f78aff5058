import type { ConformanceCase } from './case.ts';
import { callRail } from './vendors/callrail.ts';
import { httpCrm } from './vendors/http-crm.ts';
import { hubSpot } from './vendors/hubspot.ts';
import { jobNimbus } from './vendors/jobnimbus.ts';
import { metaLeadAds } from './vendors/meta-lead-ads.ts';
import { publicTool } from './vendors/public-tool.ts';
import { smtp } from './vendors/smtp.ts';
import { twilio } from './vendors/twilio.ts';

/** A case for each connector, by vendor. */
export const CASES: Record<string, ConformanceCase> = {
  callrail: callRail,
  'http-crm': httpCrm,
  hubspot: hubSpot,
  jobnimbus: jobNimbus,
  'meta-lead-ads': metaLeadAds,
  'public-tool': publicTool,
  smtp,
  twilio,
};
