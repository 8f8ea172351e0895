import ipaddr from 'ipaddr.js'

/**
 * An address as proxies write it in `X-Forwarded-For`, without its port: `192.0.2.1:443`, `[2001:db8::1]:443`. What is
 * no address stays as it is.
 */
export const withoutPort = (address: string): string => {
  const bracketed = /^"?\[([\da-f:.]{1,45})\](?::\d{1,5})?"?$/i.exec(address)?.[1]
  return bracketed ?? /^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/.exec(address)?.[1] ?? address
}

/**
 * The address that a sender is known by.
 *
 * @param forwarded the address that a trusted proxy names: any text, since a sender may have written it.
 * @param socket the address at the other end of the connection, used when `forwarded` is no address.
 */
export const senderAddress = (forwarded: string, socket = ''): string => {
  const address = withoutPort(forwarded)
  return isAddress(address) ? address : socket
}

// isValid alone takes `1` and `0x7f.1` for addresses, too: as many names for one sender.
const isAddress = (text: string): boolean =>
  ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)

/**
 * What counts as one sender: an IPv4 address, or the whole /64 that an IPv6 sender has to choose from.
 *
 * @param forwarded the address that a trusted proxy names: any text, since a sender may have written it.
 * @param socket the address at the other end of the connection, used when `forwarded` is no address.
 */
export const senderNetwork = (forwarded: string, socket?: string): string => {
  const address = withoutPort(forwarded)
  if (!isAddress(address)) return socket === undefined ? '' : senderNetwork(socket)
  const parsed = ipaddr.process(address)
  return parsed instanceof ipaddr.IPv6
    ? parsed.parts
        .slice(0, 4)
        .map((part) => part.toString(16))
        .join(':')
    : parsed.toString()
}
