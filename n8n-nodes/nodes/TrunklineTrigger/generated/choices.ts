// Written by `npm run generate` from the operations of the contract. Do not edit.

import type { INodePropertyOptions } from 'n8n-workflow';

export const intents: INodePropertyOptions[] = [
  { name: 'Biohazard', value: 'biohazard' },
  { name: 'Fire', value: 'fire' },
  { name: 'Mold', value: 'mold' },
  { name: 'Other', value: 'other' },
  { name: 'Sales Pitch', value: 'sales_pitch' },
  { name: 'Water', value: 'water' },
  { name: 'Wrong Number', value: 'wrong_number' },
];
