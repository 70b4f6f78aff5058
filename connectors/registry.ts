import { callRail } from './callrail/index.ts';
import type { Connector } from './connector.ts';
import { httpCrm } from './http-crm/index.ts';
import { hubSpot } from './hubspot/index.ts';
import { jobNimbus } from './jobnimbus/index.ts';
import { metaLeadAds } from './meta-lead-ads/index.ts';
import { publicTool } from './public-tool/index.ts';
import { smtp } from './smtp/index.ts';
import { twilio } from './twilio/index.ts';

/** The outside services that can be connected. A connector is added here, and nowhere else. */
export const connectors: readonly Connector[] = [
  callRail,
  httpCrm,
  hubSpot,
  jobNimbus,
  metaLeadAds,
  publicTool,
  smtp,
  twilio,
];

export const connectorNamed = (vendor: string): Connector | undefined =>
  connectors.find(({ manifest }) => manifest.vendor === vendor);
