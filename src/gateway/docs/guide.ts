import type { Contract } from '../../contracts/contract.ts';
import type { OpenApiDocument } from '../openapi/types.ts';
import { slug } from './text.ts';

/** A part of a contract's guide; the contract writes it (`guide.ts` in its folder), of the blocks in this folder. */
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

export const chapterSection = ({ title, html }: Chapter): string =>
  `<section class="chapter" id="${slug(title)}"><h3><a href="#${slug(title)}">${title}</a></h3>${html}</section>`;
