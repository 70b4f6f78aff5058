// Written by `npm run generate` from the operations of the contract. Do not edit.

import type { INodeProperties } from 'n8n-workflow';
import type { Endpoint } from '../endpoint';

export const organizationEndpoints: Record<string, Endpoint> = {
  getMine: { method: 'GET', path: '/organizations/me', fields: {}, upfront: [] },
  getAllChildren: { method: 'GET', path: '/organizations', paged: true, fields: {}, upfront: [] },
};

export const organizationFields: INodeProperties[] = [];
