import type { Contract } from '../../contracts/contract.ts';
import type { ContractName } from '../../security/api-key.ts';
import type { OpenApiDocument } from '../openapi/types.ts';
import { ealGuide } from './eal-guide.ts';
import { slug } from './text.ts';

export interface Chapter {
  title: string;
  html: string;
}

export interface GuideContext {
  contract: Contract;
  document: OpenApiDocument;
  /** base of every URL: public address and base path */
  url: string;
  /** a key as it looks */
  key: string;
}

/** What a newcomer reads before the reference, in each contract's own words. */
const GUIDES: Partial<Record<ContractName, (context: GuideContext) => Chapter[]>> = { eal: ealGuide };

export const chaptersOf = (context: GuideContext): Chapter[] => GUIDES[context.contract.name]?.(context) ?? [];

export const chapterSection = ({ title, html }: Chapter): string =>
  `<section class="chapter" id="${slug(title)}"><h3><a href="#${slug(title)}">${title}</a></h3>${html}</section>`;
