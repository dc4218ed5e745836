import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { apiSidebar } from './api-sidebar.mjs'
import { repositoryLinks } from './repository-links.mjs'
import { guideSidebar } from './sidebar.mjs'
import { slugify } from './slugify.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const repository = manifest.repository.url.replace(/^git\+/, '').replace(/\.git$/, '')
/** `DOCS_BASE` is for a server that keeps the site elsewhere than package.json's `homepage` says. */
const base = process.env.DOCS_BASE ?? new URL(manifest.homepage.replace(/([^/])$/, '$1/')).pathname

export default defineConfig({
  title: 'holdfast',
  description: manifest.description,
  lang: 'en',
  base,
  cleanUrls: true,
  srcExclude: ['decisions/**', 'node_modules/**', 'README.md'],
  head: [['link', { rel: 'icon', href: `${base}icon.svg`, type: 'image/svg+xml' }]],
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    anchor: { slugify },
    toc: { slugify },
    headers: { slugify },
    config: (md) => {
      md.use(repositoryLinks, { root, docs: `${root}docs/`, repository })
    },
  },
  themeConfig: {
    logo: { src: '/icon.svg', width: 24, height: 24 },
    nav: [
      { text: 'Guide', link: '/guide/getting-started', activeMatch: '^/guide/' },
      { text: 'Options', link: '/guide/options' },
      { text: 'Troubleshooting', link: '/guide/troubleshooting' },
      { text: 'API', link: '/api/', activeMatch: '^/api/' },
    ],
    sidebar: { '/guide/': guideSidebar, '/api/': existsSync(`${root}docs/api`) ? apiSidebar(`${root}docs/api`) : [] },
    outline: { level: [2, 3], label: 'On this page' },
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository, ariaLabel: 'Source code' }],
    editLink: { pattern: `${repository}/edit/main/docs/:path`, text: 'Correct this page' },
    footer: { message: `holdfast ${manifest.version}, MIT licence` },
  },
})
