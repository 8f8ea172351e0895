import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { linkTo, PAGES, type Page } from '../src/notifications/pages.ts'

const pages = globSync('**/*.md', { exclude: (name) => /^(node_modules|\.cache|\.data)$/.test(name) }).sort()

/** Where a page's relative links lead, as paths from the project's folder. */
const linksOf = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
    .map((match) => match[1] as string)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => join(dirname(page), link))

/** As GitHub makes them of headings. */
const anchorsOf = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm)].map((match) =>
    (match[1] as string)
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )

/** These pages tell of files that their reader writes. */
const MADE_UP = new Set(['docs/adding-a-provider.md', 'docs/adding-an-event-type.md'])
const FILE = /`((?:src|test|dev|chaos|bench|harness|datadog|deploy|migrations|fuzz|docs)\/[\w./-]+)`/g

describe.each(pages)('%s', (page) => {
  const text = readFileSync(page, 'utf8')

  test('links to what is there', () => {
    expect(linksOf(page).filter((link) => !existsSync(link))).toEqual([])
    const places = [...text.matchAll(/\]\(([^)\s#:]*\.md|)#([^)]*)\)/g)].map(([, file, anchor]) => ({
      file: file ? join(dirname(page), file) : page,
      anchor: anchor as string,
    }))
    expect(places.filter(({ file, anchor }) => !anchorsOf(file).includes(anchor))).toEqual([])
  })

  test.skipIf(MADE_UP.has(page))('names files that are there', () => {
    expect(
      [...text.matchAll(FILE)].map((match) => match[1] as string).filter((file) => !existsSync(file)),
    ).toEqual([])
  })
})

test('every page can be reached from README.md', () => {
  const reached = new Set(['README.md'])
  for (const page of reached) {
    for (const link of linksOf(page)) if (pages.includes(link)) reached.add(link)
  }
  expect(pages.filter((page) => !reached.has(page))).toEqual([])
})

test('every page that an alert links to exists', () => {
  for (const [page, path] of Object.entries(PAGES)) {
    expect(existsSync(join('docs', path)) && linkTo(page as Page)).toMatch(
      new RegExp(`/blob/main/docs/${path}$`),
    )
  }
})

test('every npm script that a page names exists', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  const named = pages.flatMap((page) => [
    ...readFileSync(page, 'utf8').matchAll(/npm run (?:-s )?([a-z][a-z:-]*)/g),
  ])
  expect(named.map((match) => match[1]).filter((name) => !(String(name) in scripts))).toEqual([])
})
