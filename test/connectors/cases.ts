import type { ConformanceCase } from './case.ts';
import { callRail } from './vendors/callrail.ts';
import { metaLeadAds } from './vendors/meta-lead-ads.ts';
import { publicTool } from './vendors/public-tool.ts';

/** A case for each connector, by vendor. */
export const CASES: Record<string, ConformanceCase> = {
  callrail: callRail,
  'meta-lead-ads': metaLeadAds,
  'public-tool': publicTool,
};
