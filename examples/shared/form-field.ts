/** A field of the posted form. Empty when it is missing, or was sent twice. */
export function formField(req: { readonly body?: unknown }, name: string): string {
  const { body } = req
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return ''
  const value = (body as Record<string, unknown>)[name]
  return typeof value === 'string' ? value : ''
}
