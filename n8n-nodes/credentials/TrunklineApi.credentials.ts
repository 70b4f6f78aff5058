import type { IAuthenticateGeneric, ICredentialType, Icon, INodeProperties } from 'n8n-workflow';

/** A key of Trunkline. The nodes test it, as their test can say what the key is. */
export class TrunklineApi implements ICredentialType {
  name = 'trunklineApi';

  displayName = 'Trunkline API';

  icon: Icon = { light: 'file:../icons/trunkline.svg', dark: 'file:../icons/trunkline.dark.svg' };

  documentationUrl = 'https://github.com/trunkline/trunkline/tree/main/n8n-nodes#credentials';

  properties: INodeProperties[] = [
    {
      displayName: 'Base URL',
      name: 'baseUrl',
      type: 'string',
      default: '',
      placeholder: 'https://trunkline.example.com',
      required: true,
      description: 'Where your Trunkline is reached, without /api/v1',
    },
    {
      displayName: 'API Key',
      name: 'apiKey',
      type: 'string',
      typeOptions: { password: true },
      default: '',
      placeholder: 'eal_live_…',
      required: true,
      description:
        'A key that begins with eal_live_ or eal_test_. With the scope read it looks at records, with write it changes leads and calls, with admin it manages webhooks; the trigger needs admin.',
    },
  ];

  // the header says in the audit log that a change came from a workflow
  authenticate: IAuthenticateGeneric = {
    type: 'generic',
    properties: {
      headers: {
        Authorization: '=Bearer {{$credentials.apiKey}}',
        'X-Trunkline-Source': 'n8n',
      },
    },
  };
}
