import dns from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Subnet = [Address, number];

export interface AddressPolicy {
  allowHttp: boolean;
  /** Subnets (CIDR) open to webhooks although they are not public. */
  allowSubnets: readonly string[];
}

export type CheckedUrl = { ok: true; url: URL } | { ok: false; reason: string };

export interface AddressGuard {
  /** Judges a URL as it stands. Its host name is not resolved: that is judged when it is dialled. */
  checkUrl(url: string): CheckedUrl;
  /** Whether this literal address may be dialled; false for text that is no address. */
  isAllowedAddress(ip: string): boolean;
  /** For `net.connect`, which does not call it for a literal address: a dialler must check those itself. */
  lookup: LookupFunction;
}

/** The host resolves to, or is, an address that webhooks may not reach. */
export class ForbiddenAddressError extends Error {
  readonly code = 'FORBIDDEN_ADDRESS';
  /** For the operator's log. Not in the message, which tenants see: it would let them read the internal DNS. */
  readonly address: string;

  constructor(address: string) {
    super('The host is at an address that webhooks may not be sent to');
    this.name = 'ForbiddenAddressError';
    this.address = address;
  }
}

const MAX_URL_LENGTH = 2048;
const NAT64 = ipaddr.IPv6.parse('64:ff9b::');
const GLOBAL_UNICAST = ipaddr.IPv6.parse('2000::');
// These hand out credentials, so no subnet wider than the address itself opens them. 168.63.129.16 (Azure) looks public.
const METADATA = [
  '169.254.169.254 169.254.170.2 169.254.170.23 168.63.129.16 100.100.100.200 192.0.0.192', // AWS, Azure, Alibaba, Oracle
  'fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fd00:42::42', // AWS, Google, Scaleway
]
  .flatMap((line) => line.split(' '))
  .map((ip) => ipaddr.parse(ip).toString());

/** Makes the guard that every outgoing webhook passes, tests included. Throws when a subnet is no CIDR. */
export function createAddressGuard(policy: AddressPolicy, resolve: typeof dns.lookup = dns.lookup): AddressGuard {
  const subnets = policy.allowSubnets.map(parseSubnet);

  function isAllowedAddress(ip: string): boolean {
    if (isIP(ip) === 0 || ip.includes('%')) return false; // ipaddr.js also reads 127.1; a zone is never public
    if (/^::\d+\./.test(ip)) return false; // ipaddr.js takes the IPv4-compatible ::1.2.3.4 for the mapped ::ffff:1.2.3.4
    const literal = ipaddr.parse(ip);
    const address = effectiveAddress(literal);
    const opening = subnets.filter((subnet) => contains(subnet, literal) || contains(subnet, address));
    if (METADATA.includes(address.toString())) return opening.some(isSingleAddress);
    return opening.length > 0 || isPublic(address);
  }

  function checkUrl(text: string): CheckedUrl {
    const url = text.length > MAX_URL_LENGTH ? null : URL.parse(text);
    if (url === null) return { ok: false, reason: `must be a URL of at most ${MAX_URL_LENGTH} characters` };
    const reason = refusal(url);
    return reason === undefined ? { ok: true, url } : { ok: false, reason };
  }

  function refusal(url: URL): string | undefined {
    if (url.protocol !== 'https:' && !(policy.allowHttp && url.protocol === 'http:')) return 'must use https';
    if (url.username !== '' || url.password !== '') return 'must not contain a user name or password';
    if (url.href.includes('#')) return 'must not contain a fragment';
    if (url.href.length > MAX_URL_LENGTH) return `must be at most ${MAX_URL_LENGTH} characters`;
    // The URL parser has already turned 0x7f.1, 2130706433 and full-width digits into 127.0.0.1.
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0) return isAllowedAddress(host) ? undefined : 'must be a public address';
    const loopbackAllowed = isAllowedAddress('127.0.0.1') || isAllowedAddress('::1');
    return /(^|\.)localhost\.?$/.test(host) && !loopbackAllowed ? 'must be a public address' : undefined;
  }

  // One forbidden address condemns the name: which of them would be dialled is up to chance and the attacker.
  const lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const forbidden = addresses.find(({ address }) => !isAllowedAddress(address));
      if (forbidden) return callback(new ForbiddenAddressError(forbidden.address), []);
      if (options.all) return callback(null, addresses);
      callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
    });
  };

  return { checkUrl, isAllowedAddress, lookup };
}

function parseSubnet(cidr: string): Subnet {
  const [ip = ''] = cidr.split('/');
  if (isIP(ip) === 0 || !ipaddr.isValidCIDR(cidr)) throw new Error(`Not a subnet in CIDR notation: "${cidr}"`);
  return ipaddr.parseCIDR(cidr);
}

function contains([network, bits]: Subnet, address: Address): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}

function isSingleAddress([network, bits]: Subnet): boolean {
  return bits === network.toByteArray().length * 8;
}

// IPv4-mapped and NAT64 addresses lead to the IPv4 address in their last 32 bits.
function effectiveAddress(address: Address): Address {
  const embedsIpv4 = address instanceof ipaddr.IPv6 && (address.isIPv4MappedAddress() || address.match(NAT64, 96));
  return embedsIpv4 ? new ipaddr.IPv4(address.toByteArray().slice(12)) : address;
}

// Every registered special range has a name of its own; `unicast` is what is left. Of IPv6 only 2000::/3 is
// assigned: the rest holds ::127.0.0.1 and other forms that ipaddr.js has no name for.
function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST, 3);
}
