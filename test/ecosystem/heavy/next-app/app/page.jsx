import { headers } from 'next/headers'

export default async function Page() {
  const visits = (await headers()).get('x-visits') ?? 'unknown'
  return <p>visits: {visits}</p>
}
