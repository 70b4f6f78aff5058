import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import type { ContractName } from '../security/api-key.ts';
import { contractOf, contractOption } from './contract-option.ts';
import { leaf } from './output.ts';

/** trunkline openapi */
export function openApiCommand(program: Command): void {
  leaf(program, 'openapi', 'print the OpenAPI document of a contract (always JSON)')
    .addOption(contractOption())
    .option('--url <url>', 'address the document names as its server; default: PUBLIC_URL, else http://HOST:PORT')
    .action(async (options: { contract: ContractName; url?: string }) => {
      const { openApiDocument } = await import('../gateway/openapi.ts');
      const config = readConfig();
      const url = options.url ?? config.publicUrl ?? `http://${config.host}:${config.port}`;
      const document = openApiDocument(contractOf(options.contract), { url: url.replace(/\/+$/, '') });
      process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    });
}
