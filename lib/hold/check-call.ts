import { type ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http'
import { types } from 'node:util'
import { isStub } from './response-progress'

/** The methods through which a response leaves. */
export type Method = 'write' | 'end' | 'writeHead' | 'flushHeaders'

/**
 * Throws where Node would, at once and not when a held call is replayed: only then does the exception reach the line
 * that made the mistake, and the error handler that stands around it. A stub of a response is not checked: Socket.IO
 * calls `writeHead()` on its own without a status.
 *
 * @param isFirst Nothing of the response was given before: the status line is made now.
 */
export function checkCall(res: ServerResponse, method: Method, args: readonly unknown[], isFirst: boolean): void {
  if (isStub(res)) return
  const [chunk, encoding] = args
  if (method === 'write') checkChunk(chunk, encoding)
  else if (method === 'end' && Boolean(chunk) && typeof chunk !== 'function') checkChunk(chunk, encoding)
  if (!isFirst) return
  if (method === 'writeHead') checkHead(args)
  else checkStatus(res.statusCode, statusMessageOf(res))
}

/** Whether a call writes after the end. A stub counts as ended with its head, and is written to after that. */
export function isLateBody(res: ServerResponse, method: Method, isEnded: boolean): boolean {
  return isEnded && (method === 'write' || method === 'end') && !isStub(res)
}

/** Whether Node calls `writeHead` by itself for a call, when no head was given before. */
export function makesHead(res: ServerResponse, method: Method, [chunk]: readonly unknown[]): boolean {
  if (method === 'writeHead' || res.destroyed || isStub(res)) return false
  if ('_implicitHeader' in res) return true
  // In HTTP/2, an end without a body makes its head without it.
  return method !== 'end' || (chunk !== undefined && chunk !== null && typeof chunk !== 'function')
}

/** What a call returns that is held, or ignored. */
export function returnValueOf(method: Method, res: ServerResponse): unknown {
  switch (method) {
    case 'write':
      return false
    case 'flushHeaders':
      return undefined
    default:
      return res
  }
}

/** The message that was set; HTTP/2 has none, and warns when it is asked for one. */
export function statusMessageOf(res: ServerResponse): string | undefined {
  return Object.hasOwn(res, 'statusMessage') ? res.statusMessage : undefined
}

function checkChunk(chunk: unknown, encoding: unknown): void {
  if (chunk === null) throw nodeError(TypeError, 'ERR_STREAM_NULL_VALUES', 'May not write null values to stream')
  if (typeof chunk !== 'string' && !types.isUint8Array(chunk)) {
    const message = 'The "chunk" argument must be of type string or an instance of Buffer or Uint8Array'
    throw nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', message)
  }
  if (typeof encoding !== 'string' || encoding === '' || encoding === 'buffer' || Buffer.isEncoding(encoding)) return
  throw nodeError(TypeError, 'ERR_UNKNOWN_ENCODING', `Unknown encoding: ${encoding}`)
}

function checkStatus(status: unknown, message: string | undefined): void {
  const code = Number(status) | 0
  if (code < 100 || code > 999) {
    throw nodeError(RangeError, 'ERR_HTTP_INVALID_STATUS_CODE', `Invalid status code: ${String(status)}`)
  }
  if (message !== undefined) validateHeaderValue('status message', message)
}

function checkHead([status, second, third]: readonly unknown[]): void {
  checkStatus(status, typeof second === 'string' ? second : undefined)
  const headers = typeof second === 'string' ? third : (third ?? second)
  for (const [name, value] of headerPairs(headers)) {
    validateHeaderName(name)
    // Its type says text; it checks whatever it is given.
    validateHeaderValue(name, value as string)
  }
}

/** The headers of a `writeHead`: an object, a flat array of names and values, or an array of pairs. */
export function headerPairs(headers: unknown): (readonly [name: string, value: unknown])[] {
  if (typeof headers !== 'object' || headers === null) return []
  if (!Array.isArray(headers)) return Object.entries(headers).filter(([name]) => name !== '')
  const list: readonly unknown[] = headers
  if (Array.isArray(list[0])) return list as (readonly [string, unknown])[]
  if (list.length % 2 !== 0) {
    throw nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', "The argument 'headers' is invalid: a name without a value")
  }
  const pairs: (readonly [string, unknown])[] = []
  for (let i = 0; i < list.length; i += 2) if (list[i] !== '') pairs.push([list[i] as string, list[i + 1]])
  return pairs
}

/** As Node's own. */
export function headersAlreadySent(): Error {
  return nodeError(Error, 'ERR_HTTP_HEADERS_SENT', 'Cannot set headers after they are sent to the client')
}

function nodeError(Type: ErrorConstructor, code: string, message: string): Error {
  return Object.assign(new Type(message), { code })
}
