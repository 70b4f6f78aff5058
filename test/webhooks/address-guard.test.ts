import type dns from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { type AddressGuard, createAddressGuard, ForbiddenAddressError } from '../../src/webhooks/address-guard.ts';

const strict = createAddressGuard({ allowHttp: false, allowSubnets: [] });

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2606:4700::1111',
  '2a00:1450:4001::1',
  '2001:200::1',
  '3ffe::1',
  '::ffff:8.8.8.8',
  '::ffff:808:808',
  '64:ff9b::8.8.8.8',
];

const FORBIDDEN = {
  unspecified: ['0.0.0.0', '0.1.2.3', '::'],
  loopback: ['127.0.0.1', '127.255.255.254', '::1'],
  private: ['10.0.0.0', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  'carrier-grade NAT': ['100.64.0.1', '100.127.255.255'],
  'link-local': ['169.254.0.1', '169.254.255.255', 'fe80::1', 'febf::1', 'fe80::1%eth0'],
  metadata: ['169.254.169.254', 'fd00:ec2::254', '168.63.129.16', '100.100.100.200', '192.0.0.192', 'fd20:ce::254'],
  documentation: [
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.255',
    '2001:db8::1',
    '2001:db8:ffff::1',
    '3fff::1',
    '3fff:fff::1',
  ],
  benchmarking: ['198.18.0.1', '198.19.255.255', '2001:2::1'],
  'protocol assignments': ['192.0.0.1', '192.88.99.1', '2001:1::1', '2001:1ff::1'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1'],
  'reserved and broadcast': ['240.0.0.1', '255.255.255.254', '255.255.255.255'],
  'unique local': ['fc00::1', 'fdff::1'],
  'site-local': ['fec0::1', 'feff::1'],
  discard: ['100::1', '100::ffff'],
  'IPv4-mapped': [
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1',
    '::ffff:169.254.169.254',
    '::FFFF:192.168.1.1',
  ],
  'IPv4-compatible': ['::127.0.0.1', '::10.0.0.1', '::8.8.8.8', '::808:808', '0:0:0:0:0:0:8.8.8.8'],
  'IPv4-translated': ['::ffff:0:127.0.0.1', '::ffff:0:8.8.8.8'],
  NAT64: [
    '64:ff9b::127.0.0.1',
    '64:ff9b::a00:1',
    '64:ff9b::169.254.169.254',
    '64:ff9b:1::8.8.8.8',
    '64:ff9b:1::10.0.0.1',
  ],
  '6to4': ['2002:7f00:1::', '2002:a00:1::1', '2002:808:808::1'],
  Teredo: ['2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  'ORCHID and segment routing': ['2001:10::1', '2001:20::1', '5f00::1'],
  'unassigned IPv6': ['200::1', '400::1', '4000::1', 'e000::1', 'fe00::1'],
  'not an address': [
    '',
    'localhost',
    'example.com',
    '127.1',
    '0x7f.0.0.1',
    '2130706433',
    '1.2.3',
    '8.8.8.8.8',
    '[::1]',
    ' 8.8.8.8',
  ],
};

describe('addresses', () => {
  it.each(PUBLIC)('%s may be dialled', (ip) => expect(strict.isAllowedAddress(ip)).toBe(true));

  describe.each(Object.entries(FORBIDDEN))('%s', (_range, addresses) => {
    it.each(addresses)('%s may not', (ip) => expect(strict.isAllowedAddress(ip)).toBe(false));
  });

  it('an IPv4 address and its mapped form are always judged alike', () => {
    for (let n = 0; n < 20_000; n++) {
      const value = Math.imul(n, 2_654_435_761) >>> 0; // spread over the whole range
      const ip = [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
      expect(strict.isAllowedAddress(`::ffff:${ip}`)).toBe(strict.isAllowedAddress(ip));
    }
  });
});

describe('allowSubnets', () => {
  const open = createAddressGuard({
    allowHttp: true,
    allowSubnets: ['10.1.0.0/16', '127.0.0.0/8', 'fd12::/32', '::1/128'],
  });

  it.each(['10.1.2.3', '::ffff:10.1.2.3', '64:ff9b::10.1.2.3', '127.0.0.1', '::1', 'fd12::1', '8.8.8.8'])(
    'opens %s',
    (ip) => {
      expect(open.isAllowedAddress(ip)).toBe(true);
    },
  );

  it.each(['10.2.0.1', '::ffff:10.2.0.1', '192.168.1.1', 'fd13::1', '2002:a01:203::1'])('leaves %s closed', (ip) => {
    expect(open.isAllowedAddress(ip)).toBe(false);
  });

  it('may name an IPv6 subnet that embeds IPv4', () => {
    const nat64 = createAddressGuard({ allowHttp: true, allowSubnets: ['64:ff9b::/96'] });
    expect(nat64.isAllowedAddress('64:ff9b::10.1.2.3')).toBe(true);
    expect(nat64.isAllowedAddress('10.1.2.3')).toBe(false);
  });

  it('opens a metadata address only when it names exactly that', () => {
    const everything = createAddressGuard({ allowHttp: true, allowSubnets: ['0.0.0.0/0', '::/0'] });
    const metadata = [
      '169.254.169.254',
      '::ffff:169.254.169.254',
      '64:ff9b::169.254.169.254',
      'fd00:ec2::254',
      '168.63.129.16',
    ];
    expect(metadata.filter((ip) => everything.isAllowedAddress(ip))).toEqual([]);
    expect(everything.isAllowedAddress('169.254.1.1')).toBe(true);
    const wide = createAddressGuard({ allowHttp: true, allowSubnets: ['fd00:ec2::/32'] });
    expect(wide.isAllowedAddress('fd00:ec2::254')).toBe(false);
    expect(wide.isAllowedAddress('fd00:ec2::255')).toBe(true);
    expect(everything.isAllowedAddress('fd00:ec2::254%eth0')).toBe(false);
    const exact = createAddressGuard({ allowHttp: true, allowSubnets: ['169.254.169.254/32'] });
    expect(exact.isAllowedAddress('169.254.169.254')).toBe(true);
  });

  it.each(['', '10.0.0.0', '10.0.0.0/33', '10/8', 'fd00::/129', 'intranet/8', '10.0.0.0/8,127.0.0.0/8'])(
    'refuses "%s"',
    (cidr) => {
      expect(() => createAddressGuard({ allowHttp: false, allowSubnets: [cidr] })).toThrow(/Not a subnet/);
    },
  );
});

describe('URLs', () => {
  const refusal = (guard: AddressGuard, url: string): string => {
    const checked = guard.checkUrl(url);
    return checked.ok ? 'accepted' : checked.reason;
  };

  it.each([
    'https://hooks.example.com/a?b=c',
    'https://hooks.example.com:8443/',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'HTTPS://Hooks.Example.COM',
    'https://bücher.example/',
    'https://mylocalhost/',
    'https://localhost.example.com/',
  ])('%s is accepted', (url) => {
    expect(strict.checkUrl(url)).toEqual({ ok: true, url: new URL(url) });
  });

  it.each([
    ['http://example.com/', /https/],
    ['ftp://example.com/', /https/],
    ['file:///etc/passwd', /https/],
    ['javascript:alert(1)', /https/],
    ['https://user@example.com/', /user name or password/],
    ['https://:password@example.com/', /user name or password/],
    ['https://example.com/#a', /fragment/],
    ['https://example.com/#', /fragment/],
    ['example.com', /must be a URL/],
    ['/path', /must be a URL/],
    ['https://', /must be a URL/],
    ['https://exa mple.com/', /must be a URL/],
    ['', /must be a URL/],
    [`https://example.com/${'a'.repeat(2048)}`, /2048/],
    [`https://example.com/${'ä'.repeat(1000)}`, /2048/],
  ])('%.60s is refused', (url, reason) => {
    expect(refusal(strict, url)).toMatch(reason);
  });

  it.each([
    '127.0.0.1',
    '127.0.0.1:8080',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '017700000001',
    '127.0.0.1.',
    '１２７.0.0.1',
    '127。0。0。1',
    '%31%32%37.0.0.1',
    '0',
    '0.0.0.0',
    '10.0.0.1',
    '192.168.0.1',
    '169.254.169.254',
    '0xa9fea9fe',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:a9fe:a9fe]',
    '[0:0:0:0:0:ffff:7f00:1]',
    '[fd00:ec2::254]',
    '[64:ff9b::7f00:1]',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'localhost:5432',
    'api.localhost',
    'ⓛocalhost',
  ])('https://%s/ is no public address', (host) => {
    expect(refusal(strict, `https://${host}/`)).toBe('must be a public address');
  });

  it('may be http, and local, when the policy says so', () => {
    const open = createAddressGuard({ allowHttp: true, allowSubnets: ['127.0.0.0/8'] });
    const urls = ['http://localhost:3000/', 'http://127.0.0.1/', 'https://api.localhost/', 'http://example.com/'];
    expect(urls.map((url) => refusal(open, url))).toEqual(urls.map(() => 'accepted'));
    expect(refusal(open, 'http://10.0.0.1/')).toBe('must be a public address');
    expect(refusal(open, 'ftp://127.0.0.1/')).toBe('must use https');
  });
});

describe('lookup', () => {
  /** What net.connect would get from the guard when DNS answers so. */
  function lookup(answer: string[] | Error, all = true) {
    const addresses = Array.isArray(answer)
      ? answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      : [];
    const resolve = ((
      _host: string,
      _options: unknown,
      done: (error: Error | null, found: LookupAddress[]) => void,
    ) => {
      setImmediate(() => done(answer instanceof Error ? answer : null, addresses));
    }) as unknown as typeof dns.lookup;
    const guard = createAddressGuard({ allowHttp: false, allowSubnets: [] }, resolve);
    return new Promise<unknown>((done) => {
      guard.lookup('hooks.example.com', { all }, (error, address, family) =>
        done(error ?? (all ? address : [address, family])),
      );
    });
  }

  it('passes public addresses on', async () => {
    expect(await lookup(['8.8.8.8', '2606:4700::1111'])).toEqual([
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1111', family: 6 },
    ]);
    expect(await lookup(['8.8.8.8', '8.8.4.4'], false)).toEqual(['8.8.8.8', 4]);
  });

  it.each([
    [['127.0.0.1']],
    [['8.8.8.8', '10.0.0.1']],
    [['10.0.0.1', '8.8.8.8']],
    [['8.8.8.8', '::1']],
    [['8.8.8.8', '::ffff:169.254.169.254']],
  ])('refuses a name that resolves to %j, whichever address is asked for', async (addresses) => {
    for (const error of [await lookup(addresses), await lookup(addresses, false)]) {
      expect(error).toBeInstanceOf(ForbiddenAddressError);
      expect(error).toMatchObject({ code: 'FORBIDDEN_ADDRESS', address: expect.any(String) });
    }
  });

  it('does not tell the tenant which address it was', async () => {
    expect(String(await lookup(['10.11.12.13']))).not.toContain('10.11.12.13');
  });

  it('passes the resolver’s error on', async () => {
    const error = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    expect(await lookup(error)).toBe(error);
  });

  it('uses the system’s resolver unless told', async () => {
    const error = await new Promise((done) => strict.lookup('localhost', {}, done));
    expect(error).toBeInstanceOf(ForbiddenAddressError);
  });
});
