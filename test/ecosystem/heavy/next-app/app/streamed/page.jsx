import { connection } from 'next/server'
import { Suspense } from 'react'

async function Late({ after }) {
  await connection()
  await new Promise((resolve) => setTimeout(resolve, after))
  return <p>late after {after}</p>
}

/** Its head is sent before the late parts are there. */
export default function Page() {
  return (
    <main>
      <p>early</p>
      {[20, 60].map((after) => (
        <Suspense key={after} fallback={<p>wait</p>}>
          <Late after={after} />
        </Suspense>
      ))}
    </main>
  )
}
