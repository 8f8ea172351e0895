import { describe, expect, test } from 'vitest'
import { senderNetwork } from '../src/sender-network.ts'

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:443', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::6', '2001:db8:1:2'],
  ['[2001:db8:1:2::6]', '2001:db8:1:2'],
  ['[2001:db8:1:2::6]:443', '2001:db8:1:2'],
  ['"[2001:DB8:1:2::6]:443"', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['::1', '0:0:0:0'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::ffff:cb00:7107', '203.0.113.7'],
])('%s counts as %s', (address, sender) => expect(senderNetwork(address)).toBe(sender))

describe('what is no address counts as the socket it came through', () => {
  test.each([
    '',
    'unknown',
    '_hidden',
    '203.0.113.7x',
    '1',
    '0x7f.1',
    '01.2.3.4',
    '1.2.3',
    '999.1.1.1',
    'a'.repeat(9_999),
  ])('%j', (junk) => {
    expect(senderNetwork(junk, '198.51.100.4')).toBe('198.51.100.4')
    expect(senderNetwork(junk, '::ffff:198.51.100.4')).toBe('198.51.100.4')
  })
})
