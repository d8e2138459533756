// JSON schemas: a value to begin with, the fields of a form, and what is wrong with a value.

type Schema = Record<string, unknown>

export interface Field {
  name: string
  type: 'string' | 'number' | 'integer' | 'boolean' | 'enum' | 'json'
  required: boolean
  options: unknown[]
  description: string | null
  fallback: unknown
}

export function asSchema(schema: unknown): Schema | null {
  return schema !== null && typeof schema === 'object' && !Array.isArray(schema) ? (schema as Schema) : null
}

/** The schema that a node stands for: references followed, and of `X | null` the X. */
export function resolve(node: unknown, root: Schema, depth = 0): Schema {
  const schema = asSchema(node)
  if (!schema || depth > 20) return {}
  if (typeof schema.$ref === 'string') {
    const { $ref, ...rest } = schema
    return { ...resolve(target(root, $ref as string), root, depth + 1), ...rest }
  }
  const choices = (schema.anyOf ?? schema.oneOf ?? schema.allOf) as unknown[] | undefined
  if (choices) {
    const first = choices.map((item) => resolve(item, root, depth + 1)).find((item) => item.type !== 'null')
    return { ...first, ...schema, type: schema.type ?? first?.type }
  }
  return schema
}

function target(root: Schema, ref: string): unknown {
  if (!ref.startsWith('#/')) return {}
  return ref.slice(2).split('/').reduce<unknown>((node, key) => asSchema(node)?.[key.replace(/~1/g, '/').replace(/~0/g, '~')], root)
}

/** A value of the schema's shape to start from: defaults and examples where it has some. */
export function sample(node: unknown, root = asSchema(node) ?? {}, depth = 0): unknown {
  const schema = resolve(node, root)
  if (schema.default !== undefined) return schema.default
  if (Array.isArray(schema.examples) && schema.examples.length) return schema.examples[0]
  if (schema.const !== undefined) return schema.const
  if (Array.isArray(schema.enum)) return schema.enum[0]
  if (depth > 6) return null
  if (schema.properties) return sampleObject(schema, root, depth)
  switch (schema.type) {
    case 'object':
      return {}
    case 'array':
      return schema.items ? [sample(schema.items, root, depth + 1)] : []
    case 'integer':
    case 'number':
      return Math.max(Number(schema.minimum ?? 0), schema.exclusiveMinimum === undefined ? 0 : Number(schema.exclusiveMinimum) + 1)
    case 'boolean':
      return false
    case 'string':
      return text(schema)
    default:
      return null
  }
}

function sampleObject(schema: Schema, root: Schema, depth: number): unknown {
  const properties = asSchema(schema.properties) ?? {}
  const required = new Set((schema.required as string[] | undefined) ?? Object.keys(properties))
  const names = Object.keys(properties).filter((name) => required.has(name))
  return Object.fromEntries(names.map((name) => [name, sample(properties[name], root, depth + 1)]))
}

function text(schema: Schema): string {
  if (schema.format === 'email') return 'ada@example.com'
  if (schema.format === 'uuid') return '00000000-0000-4000-8000-000000000000'
  if (schema.format === 'date-time') return '2026-01-01T12:00:00Z'
  if (schema.format === 'date') return '2026-01-01'
  return 'x'.repeat(Math.max(0, Number(schema.minLength ?? 0)))
}

/** The fields of an object schema; null where a form would not do and JSON is asked for. */
export function fields(node: unknown): Field[] | null {
  const root = asSchema(node)
  if (!root) return null
  const schema = resolve(root, root)
  const properties = asSchema(schema.properties)
  if (!properties) return null
  const required = new Set((schema.required as string[] | undefined) ?? [])
  return Object.entries(properties).map(([name, property]) => {
    const item = resolve(property, root)
    return {
      name,
      type: kindOf(item),
      required: required.has(name),
      options: Array.isArray(item.enum) ? item.enum : [],
      description: typeof item.description === 'string' ? item.description : null,
      fallback: item.default,
    }
  })
}

function kindOf(schema: Schema): Field['type'] {
  if (Array.isArray(schema.enum)) return 'enum'
  const known = ['string', 'number', 'integer', 'boolean'] as const
  return known.find((type) => type === schema.type) ?? 'json'
}

/** What a form's text means for a field; undefined = left out. */
export function valueOf(field: Field, text: string): unknown {
  if (text === '' && !(field.required && field.type === 'string')) return undefined
  if (field.type === 'enum') return field.options.find((option) => String(option) === text)
  if (field.type === 'boolean') return text === 'true'
  if (field.type === 'integer' || field.type === 'number') return Number.isFinite(Number(text)) ? Number(text) : text
  if (field.type === 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** What is wrong with a value, in words: only what is certain; the server has the last word. */
export function problems(node: unknown, value: unknown, root = asSchema(node) ?? {}, where = 'body', depth = 0): string[] {
  if (depth > 12 || !asSchema(node)) return []
  const raw = asSchema(node) as Schema
  if ((raw.anyOf || raw.oneOf) && value === null) return []
  const schema = resolve(node, root)
  if (Array.isArray(schema.enum) && !schema.enum.includes(value)) return [`${where}: one of ${schema.enum.join(', ')}`]
  if (raw.anyOf || raw.oneOf) return []
  const type = schema.type
  if (typeof type === 'string' && !fits(type, value)) return [`${where}: expected ${type}, got ${nameOf(value)}`]
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => problems(schema.items, item, root, `${where}[${index}]`, depth + 1))
  }
  const object = asSchema(value)
  return object ? problemsOfObject(schema, object, root, where, depth) : []
}

function problemsOfObject(schema: Schema, value: Schema, root: Schema, where: string, depth: number): string[] {
  const properties = asSchema(schema.properties) ?? {}
  const missing = ((schema.required as string[] | undefined) ?? []).filter((name) => !(name in value))
  const inner = Object.entries(value).flatMap(([name, item]) => problems(properties[name], item, root, `${where}.${name}`, depth + 1))
  return [...missing.map((name) => `${where}.${name} is missing`), ...inner]
}

function fits(type: string, value: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'number') return typeof value === 'number'
  return type === nameOf(value)
}

function nameOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
