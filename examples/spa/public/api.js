// How the page talks to an API on another origin.
const base = document.querySelector('[data-api]').dataset.api

/** A call that failed. `status` is 0 when no response came. */
export class ApiError extends Error {
  constructor(status, code) {
    super(code)
    this.status = status
    this.code = code
  }
}

/**
 * Calls the API, and resolves to what it responds.
 *
 * `credentials: 'include'` makes the browser send the session's cookie to the other origin, and keep the one that comes
 * back. Without it each call is a new visitor's.
 */
export async function call(method, path, body) {
  const response = await fetch(base + path, {
    method,
    credentials: 'include',
    ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  }).catch(() => {
    throw new ApiError(0, 'UNREACHABLE')
  })
  if (response.status === 204) return undefined
  const result = await response.json().catch(() => ({}))
  if (!response.ok) throw new ApiError(response.status, result.error)
  return result
}
