export async function GET(request) {
  return Response.json({ visits: request.headers.get('x-visits') })
}

export async function POST(request) {
  return Response.json({ echoed: await request.text() }, { status: 202 })
}
