import { CONTACT_COLUMNS, type ContactColumn, isIdentifiable, type LeadDraft } from '../lead-draft.ts';
import type { GraphLead } from './graph.ts';

// From Meta's answers to a lead. Standard questions have names of their own; the business names the others.

const STANDARD: Record<string, ContactColumn> = {
  full_name: 'name',
  email: 'email',
  work_email: 'email',
  phone_number: 'phone',
  phone: 'phone',
  work_phone_number: 'phone',
  company_name: 'company',
  job_title: 'job_title',
};

export interface Announced {
  leadgenId: string;
  pageId?: string;
  formId?: string;
  adId?: string;
  createdTime?: number;
}

export function leadOf(lead: GraphLead, announced: Announced, mapping: Record<string, string>): LeadDraft {
  const answers = new Map(lead.field_data.map(({ name, values }) => [name, values.map((value) => value.trim())]));
  const contact: Partial<Record<ContactColumn, string>> = {};
  const take = (question: string, column: string | undefined): void => {
    const value = answers.get(question)?.filter(Boolean).join(', ');
    if (column && isColumn(column) && value && contact[column] === undefined) contact[column] = value;
  };
  // what the business said about its own questions comes before what the names suggest
  for (const [question, column] of Object.entries(mapping)) take(question, column);
  for (const [question, column] of Object.entries(STANDARD)) take(question, column);
  const parts = ['first_name', 'last_name'].map((part) => answers.get(part)?.join(' ')).filter(Boolean);
  if (contact.name === undefined && parts.length > 0) contact.name = parts.join(' ');

  const draft: LeadDraft = {
    source: 'facebook_lead_ad',
    external_id: announced.leadgenId,
    ...contact,
    context: {
      leadgenId: announced.leadgenId,
      formId: lead.form_id ?? announced.formId,
      pageId: announced.pageId,
      adId: lead.ad_id ?? announced.adId,
      adName: lead.ad_name,
      adsetId: lead.adset_id,
      adsetName: lead.adset_name,
      campaignId: lead.campaign_id,
      campaignName: lead.campaign_name,
      platform: lead.platform,
      isOrganic: lead.is_organic,
      createdTime: timeOf(lead.created_time, announced.createdTime),
      answers: Object.fromEntries(
        [...answers].map(([name, values]) => [name, values.length > 1 ? values : (values[0] ?? '')]),
      ),
    },
  };
  // a form can ask for anything, also for nothing that says who it is; the answers are a lead all the same
  return isIdentifiable(draft) ? draft : { ...draft, name: 'Facebook lead' };
}

const isColumn = (name: string): name is ContactColumn => CONTACT_COLUMNS.some((column) => column === name);

/** 2026-04-27T13:22:05+0000, or seconds since 1970, as ISO 8601. */
function timeOf(text: string | undefined, seconds: number | undefined): string | undefined {
  const at = text ? Date.parse(text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2')) : (seconds ?? Number.NaN) * 1000;
  return Number.isNaN(at) || Math.abs(at) > 8.64e15 ? text : new Date(at).toISOString();
}
