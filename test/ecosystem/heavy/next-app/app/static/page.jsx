export default function Page() {
  return <p>{'made at build time '.repeat(200)}</p>
}
