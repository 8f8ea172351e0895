const numbers = new Intl.NumberFormat('en')

/** `12,345 events`, `1 event` */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${numbers.format(value)} ${value === 1 ? one : many}`
