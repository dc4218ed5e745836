// An app that declares values which JSON brings back as something else. A marker names the error that its line must give.
import type { Request } from 'express'
import { type Jsonified, Session, type SessionManager } from 'holdfast'

interface Tree {
  name: string
  children: Tree[]
}
interface Money {
  cents: number
  toJSON(): { amount: string }
}
declare module 'holdfast' {
  interface SessionValues {
    openedAt: Date
    order: { at: Date; lines: { sku: string; due: Date | null }[]; note?: string }
    price: Money
    tree: Tree
    views: number
    role: 'user' | 'admin'
    anything: unknown
    maybe: string | undefined
    tuple: [number, string]
    branded: string & { readonly brand: 'id' }
  }
  interface SessionFlash {
    notice: string
    until: Date
  }
}

declare const session: Session
declare const sessions: SessionManager

session.set('openedAt', new Date())
session.flash('until', new Date())
const openedAt: string | undefined = session.get('openedAt')
const until: string | undefined = session.get('until')
const due: string | null | undefined = session.get('order')?.lines[0]?.due
const note: string | undefined = session.get('order')?.note
const amount: string | undefined = session.get('price')?.amount
session.get('openedAt')?.getTime() // error TS2339
const date: Date | undefined = session.get('openedAt') // error TS2322
session.get('order')?.at.getTime() // error TS2339
session.get('price')?.cents // error TS2339
session.get('opendAt') // error TS2769

// All others are read as they were declared.
const tree: Tree | undefined = session.get('tree')
const views: number | undefined = session.get('views')
const role: 'user' | 'admin' | undefined = session.get('role')
const anything: unknown = session.get('anything')
const maybe: string | undefined = session.get('maybe')
const tuple: [number, string] | undefined = session.get('tuple')
const branded: (string & { readonly brand: 'id' }) | undefined = session.get('branded')
const notice: string | undefined = session.get('notice')
const wrong: number | undefined = session.get('role') // error TS2322

// The manager reads the same.
async function job(id: string, req: Request): Promise<void> {
  await sessions.update(id, { openedAt: new Date() })
  const text: string | undefined = (await sessions.get(id))?.openedAt
  const other: Date | undefined = (await sessions.fromRequest(req))?.openedAt // error TS2322
  const kept: number | undefined = (await sessions.get(id))?.views
  console.log(text, other, kept)
}

// Helpers that are generic over a shape get what the shape declares.
interface Shape {
  user: { name: string }
  seen: Date
}
function userOf<V extends Shape>(given: Session<V>): V['user'] | undefined {
  const user: V['user'] | undefined = given.get('user')
  return user
}
function valueOf<V extends object, K extends keyof V & string>(given: Session<V, object>, key: K): V[K] | undefined {
  return given.get(key)
}
function anyOf(given: Session<any, any>): unknown {
  return given.get('whatever')
}
const shaped = new Session<Shape>()
const name: string | undefined = userOf(shaped)?.name
const seen: string | undefined = shaped.get('seen')
const read: { name: string } | undefined = valueOf(new Session<Shape, object>(), 'user')
console.log(anyOf(session), anyOf(shaped), name, seen, read)
userOf(new Session<{ user: { name: string } }>()) // error TS2345

// A shape without such values has one signature, and its messages.
const plain = new Session<{ views: number; tree: Tree }, { notice: string }>()
plain.get('veiws') // error TS2345

type Check<A, B> = [A, B] extends [B, A] ? true : never
const checks: [
  Check<Jsonified<Date>, string>,
  Check<Jsonified<Tree>, Tree>,
  Check<Jsonified<{ a: Date; readonly b: readonly Date[] }>, { a: string; readonly b: readonly string[] }>,
  Check<Jsonified<() => void>, never>,
  Check<Jsonified<Map<string, number>>, never>,
  Check<Jsonified<Buffer>, { type: 'Buffer'; data: number[] }>,
] = [true, true, true, true, true, true]
console.log(job, openedAt, until, due, note, amount, date, tree, views, role, anything, maybe, tuple, branded, notice)
console.log(wrong, checks)
