/** Where the guide explains each code. It begins with package.json's `homepage`: `npm run publisher` writes it. */
const troubleshooting = 'https://OWNER.github.io/holdfast/guide/troubleshooting'

/** The section of the guide about the code of an error or a warning. */
export function addressOf(code: string): string {
  return `${troubleshooting}#${code.toLowerCase()}`
}
