import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeTemplate, NoRoomError, parseTemplate, placeOf, renderTemplate, TemplateError } from './template.ts'

const values = {
  name: 'Ada',
  count: 3,
  none: null,
  flag: false,
  user: { 'first-name': 'Ada', größe: 1.5, tags: ['a', { b: [true] }], none: null, length: 'long' },
}

test.each([
  ['', ''],
  ['plain } }} text {', 'plain } }} text {'],
  ['{{name}}', 'Ada'],
  ['Dear {{ name }}, {{\n\tcount }}!', 'Dear Ada, 3!'],
  ['{{name}}{{name}}}', 'AdaAda}'],
  ['{ {{name}} }', '{ Ada }'],
  ['{{ user.first-name }} {{ user.größe }} {{ flag }}', 'Ada 1.5 false'],
  ['{{ user.tags.0 }} {{ user.tags.1.b.0 }} {{ user.tags }}', 'a true ["a",{"b":[true]}]'],
  ['{{ user.length }}', 'long'],
  ['{{ "{{" }} name }} and {{"{{"}}', '{{ name }} and {{'],
])('%j renders %j', (text, rendered) => {
  expect(render(text, values)).toEqual({ text: rendered, missing: [] })
})

test.each([
  'absent',
  'none',
  'user.none',
  'user.absent.deeper',
  'none.deeper',
  'user.tags.2',
  'user.tags.00',
  'user.tags.-1',
  'user.tags.length',
  'name.length',
  'name.0',
  'count.toFixed',
])('%s leads to nothing', (path) => {
  expect(render(`<{{ ${path} }}> <{{${path}}}>`, values)).toEqual({ text: '<> <>', missing: [path] })
})

test.each([
  ['{{', 0],
  ['a {{ name', 2],
  ['{{}}', 0],
  ['{{ }}', 0],
  ['{{name}} {{{ name }}}', 9],
  ['{{#if name}}', 0],
  ['{{ a b }}', 0],
  ['{{ a. b }}', 0],
  ['{{ a..b }}', 0],
  ['{{ .a }}', 0],
  ['{{ 0 }}', 0],
  ['{{ größe }}', 0],
  ['{{ a["b"] }}', 0],
  ['{{ name() }}', 0],
  ['{{ "x" }}', 0],
  ['{{ name } }', 0],
  ['{{ {{name}} }}', 0],
])('%j is broken at %i', (text, offset) => {
  expect(() => parseTemplate(text)).toThrow(expect.objectContaining({ offset }))
})

test('says what was required and what came', () => {
  expect(() => parseTemplate('Hi {{ user name }}!')).toThrow(
    new TemplateError(
      'Expected a path in double braces, as {{ user.name }}, or {{ "{{" }} for the braces themselves; got "{{ user name }}".',
      3,
    ),
  )
})

test('knows its paths, in order', () => {
  expect(parseTemplate('{{ a.b }}{{ "{{" }}{{ c }}{{ a.b }}').paths).toEqual([['a', 'b'], ['c'], ['a', 'b']])
})

test('any text can be escaped', () => {
  fc.assert(
    fc.property(textWithBraces, (text) => {
      expect(render(escapeTemplate(text), {})).toEqual({ text, missing: [] })
    }),
  )
})

test('what is put in stands there as it is', () => {
  fc.assert(
    fc.property(fc.array(textWithBraces), (texts) => {
      const template = texts.map((_, index) => `{{ texts.${index} }}`).join('|')
      expect(render(template, { texts }).text).toBe(texts.join('|'))
    }),
  )
})

test('a template is either broken or ends in parts that are its text', () => {
  fc.assert(
    fc.property(textWithBraces, (text) => {
      try {
        const { parts } = parseTemplate(text)
        const again = parts.map((part) => (typeof part === 'string' ? escapeTemplate(part) : `{{${part.join('.')}}}`))
        expect(parseTemplate(again.join('')).parts.flat().join('')).toBe(parts.flat().join(''))
      } catch (error) {
        expect(error).toBeInstanceOf(TemplateError)
        expect(text.slice((error as TemplateError).offset)).toMatch(/^\{\{/)
      }
    }),
  )
})

test('writes no more than there is room for', () => {
  expect(render('{{ name }}!', values, 4).text).toBe('Ada!')
  expect(() => render('{{ name }}!', values, 3)).toThrow(NoRoomError)
})

test('places are counted from 1', () => {
  expect(placeOf('ab\ncd', 0)).toEqual({ line: 1, column: 1 })
  expect(placeOf('ab\ncd', 2)).toEqual({ line: 1, column: 3 })
  expect(placeOf('ab\r\ncd\n', 5)).toEqual({ line: 2, column: 2 })
  expect(placeOf('ab\n', 3)).toEqual({ line: 2, column: 1 })
})

const textWithBraces = fc.oneof(
  fc.string({ unit: fc.constantFrom('{', '{{', '}', '}}', '"', ' ', 'a', '.', '\n', '{{a}}') }),
  fc.string({ unit: 'binary' }),
)

function render(text: string, given: Record<string, unknown>, room = Number.POSITIVE_INFINITY) {
  const missing = new Set<string>()
  return { text: renderTemplate(parseTemplate(text), { values: given, missing, room }), missing: [...missing] }
}
