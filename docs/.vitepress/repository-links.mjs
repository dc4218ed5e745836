import { relative, resolve } from 'node:path'

/**
 * A relative link that leaves `docs/`, or leads to a decision, goes to the file in the repository. So the pages can link to
 * code and tests as they would on GitHub.
 */
export function repositoryLinks(md, { root, docs, repository }) {
  md.core.ruler.push('repository-links', ({ tokens, env }) => {
    const page = env.path
    if (page === undefined) return
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null
      if (href === null || !/^\.\.?\//.test(href)) continue
      const target = resolve(page, '..', href)
      if (target.startsWith(docs) && !target.startsWith(`${docs}decisions`)) continue
      token.attrSet('href', `${repository}/blob/main/${relative(root, target)}`)
    }
  })
}
