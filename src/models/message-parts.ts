import type { FilePart, ImagePart, ModelMessage, TextPart } from 'ai'
import { isRecord, type JsonRecord } from '../json-record.ts'
import { MessageShapeError } from './message-shape.ts'

export type ProviderOptions = NonNullable<ModelMessage['providerOptions']>
export type UserPart = TextPart | ImagePart | FilePart
export type ContentPart = UserPart | { type: 'reasoning'; text: string; providerOptions?: ProviderOptions }

/** A part of a message, of any of the three shapes, that is neither a call of a tool nor its result. */
export function convertPart(part: unknown): ContentPart {
  if (typeof part === 'string') return { type: 'text', text: part }
  if (!isRecord(part)) throw new MessageShapeError('has a part that is no object')
  const convert = Object.hasOwn(converters, String(part.type)) ? converters[String(part.type)] : undefined
  if (convert === undefined) throw new MessageShapeError(`has a part of the type "${part.type}", which can't be sent`)
  const providerOptions = providerOptionsOf(part)
  return { ...(providerOptions && { providerOptions }), ...convert(part) }
}

export function providerOptionsOf(given: JsonRecord): ProviderOptions | undefined {
  if (isRecord(given.cache_control)) return { anthropic: { cacheControl: given.cache_control } } as ProviderOptions
  return isRecord(given.providerOptions) ? (given.providerOptions as ProviderOptions) : undefined
}

const converters: Record<string, (part: JsonRecord) => ContentPart> = {
  text: toText,
  input_text: toText,
  output_text: toText,
  refusal: (part) => ({ type: 'text', text: text(part.refusal, 'refusal') }),
  reasoning: toText,
  thinking: (part) => ({
    type: 'reasoning',
    text: text(part.thinking, 'thinking'),
    ...(typeof part.signature === 'string' && { providerOptions: { anthropic: { signature: part.signature } } }),
  }),
  redacted_thinking: (part) => ({
    type: 'reasoning',
    text: '',
    providerOptions: { anthropic: { redactedData: text(part.data, 'data') } },
  }),
  image: (part) => (isRecord(part.source) ? fromSource(part.source, 'image/*') : toImage(part.image, part.mediaType)),
  image_url: fromImageUrl,
  input_image: fromImageUrl,
  document: (part) => {
    if (!isRecord(part.source)) throw new MessageShapeError('has a document without a source')
    const file = fromSource(part.source, 'application/pdf')
    return typeof part.title === 'string' && file.type === 'file' ? { ...file, filename: part.title } : file
  },
  input_audio: (part) => {
    const audio = isRecord(part.input_audio) ? part.input_audio : part
    const format = text(audio.format, 'format')
    return {
      type: 'file',
      data: text(audio.data, 'data'),
      mediaType: format === 'mp3' ? 'audio/mpeg' : `audio/${format}`,
    }
  },
  file: toFile,
  input_file: toFile,
}

function toText(part: JsonRecord): ContentPart {
  return { type: part.type === 'reasoning' ? 'reasoning' : 'text', text: text(part.text, 'text') }
}

/** `detail` has no place in the SDK: each OpenAI provider takes it in a way of its own. */
function fromImageUrl(part: JsonRecord): ContentPart {
  const inner = isRecord(part.image_url) ? part.image_url : { url: part.image_url, detail: part.detail }
  const image = toImage(inner.url, undefined)
  if (typeof inner.detail !== 'string') return image
  const asSent = { image_url: { url: text(inner.url, 'url'), detail: inner.detail } }
  return { ...image, providerOptions: { openai: { imageDetail: inner.detail }, openaiCompatible: asSent } }
}

function toImage(image: unknown, mediaType: unknown): UserPart {
  const bytes = bytesOf(image)
  if (bytes !== null) return { type: 'image', image: bytes, ...(typeof mediaType === 'string' && { mediaType }) }
  const { data, mediaType: found } = readData(text(image, 'image'))
  const known = found ?? (typeof mediaType === 'string' ? mediaType : undefined)
  return { type: 'image', image: data, ...(known !== undefined && { mediaType: known }) }
}

function toFile(part: JsonRecord): ContentPart {
  const inner = isRecord(part.file) ? part.file : part
  const filename = typeof inner.filename === 'string' ? { filename: inner.filename } : {}
  const given = inner.data ?? inner.file_data ?? inner.file_url ?? inner.url ?? inner.file_id
  const stated = inner.mediaType ?? inner.media_type ?? inner.mimeType
  const bytes = bytesOf(given)
  const { data, mediaType } = bytes === null ? readData(text(given, 'data')) : { data: bytes, mediaType: undefined }
  return {
    type: 'file',
    data,
    mediaType: mediaType ?? (typeof stated === 'string' ? stated : 'application/pdf'),
    ...filename,
  }
}

/** Anthropic's `source`. */
function fromSource(source: JsonRecord, mediaType: string): UserPart {
  const stated = typeof source.media_type === 'string' ? source.media_type : mediaType
  const part = (data: string | URL): UserPart =>
    stated.startsWith('image/')
      ? { type: 'image', image: data, ...(stated !== 'image/*' && { mediaType: stated }) }
      : { type: 'file', data, mediaType: stated }
  if (source.type === 'base64') return part(text(source.data, 'source.data'))
  if (source.type === 'url') return part(readData(text(source.url, 'source.url')).data)
  if (source.type === 'text') {
    return {
      type: 'file',
      data: Buffer.from(text(source.data, 'source.data')).toString('base64'),
      mediaType: 'text/plain',
    }
  }
  throw new MessageShapeError(`has a source of the type "${source.type}", which can't be sent`)
}

/** A data URL, an address, or else base64. */
function readData(given: string): { data: string | URL; mediaType: string | undefined } {
  if (given.startsWith('data:')) {
    const comma = given.indexOf(',')
    if (comma < 0) throw new MessageShapeError("has a data URL that can't be read")
    const [mediaType, ...attributes] = given.slice('data:'.length, comma).split(';')
    const data = given.slice(comma + 1)
    const base64 = attributes.includes('base64') ? data : Buffer.from(decoded(data)).toString('base64')
    return { data: base64, mediaType: mediaType || undefined }
  }
  return { data: /^https?:\/\//i.test(given) && URL.canParse(given) ? new URL(given) : given, mediaType: undefined }
}

function decoded(data: string): string {
  try {
    return decodeURIComponent(data)
  } catch {
    throw new MessageShapeError("has a data URL that can't be read")
  }
}

/** A Uint8Array as JSON has it: `{ type: 'Buffer', data: [1, 2] }` or `{ "0": 1, "1": 2 }`. */
function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value
  if (!isRecord(value)) return null
  const list = Array.isArray(value.data) ? value.data : Object.values(value)
  return list.length > 0 && list.every((byte) => Number.isInteger(byte)) ? Uint8Array.from(list as number[]) : null
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new MessageShapeError(`has a part whose ${name} is no text`)
  return value
}
