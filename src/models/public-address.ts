import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * Whether an address belongs to the public internet. IPv4: everything but what is reserved. IPv6: only what is handed
 * out (2000::/3) and not reserved, for new special ranges appear outside of it; an address that carries an IPv4 one
 * (mapped, NAT64) is judged by that. 6to4 and Teredo carry one too, are dead, and are refused whole.
 */
export function isPublicAddress(address: string): boolean {
  const bare = address.split('%', 1)[0] as string
  if (isIPv4(bare)) return !reserved.check(bare, 'ipv4')
  if (!isIPv6(bare)) return false
  const groups = expand(bare)
  const inner = innerAddress(groups)
  if (inner !== null) return !reserved.check(inner, 'ipv4')
  const first = groups[0] as number
  return first >= 0x2000 && first <= 0x3fff && !reserved.check(bare, 'ipv6')
}

const reserved = new BlockList()
for (const range of [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
]) {
  const [net, bits] = range.split('/') as [string, string]
  reserved.addSubnet(net, Number(bits), isIPv4(net) ? 'ipv4' : 'ipv6')
}

/** The IPv4 address within ::ffff:0:0/96 (mapped) or 64:ff9b::/96 (NAT64). */
function innerAddress(groups: number[]): string | null {
  const head = groups.slice(0, 6).join()
  if (head !== '0,0,0,0,0,65535' && head !== '100,65435,0,0,0,0') return null
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 255])
    .join('.')
}

/** The eight groups; URL writes every form of an address (dotted tails, leading zeros) in one way. */
function expand(address: string): number[] {
  const [head, tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::') as [string, string?]
  const before = hexGroups(head)
  const after = hexGroups(tail ?? '')
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
}

function hexGroups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}
